import type { Abi, ContractEventName, ParseEventLogsReturnType } from 'viem'
import { expectTypeOf, test } from 'vitest'
import type { constantProductPoolAbi } from '../../contracts/abi/ConstantProductPool.ts'
import type { iOcr2AggregatorAbi } from '../../contracts/abi/IOcr2Aggregator.ts'
import type { modelRegistryAbi } from '../../contracts/abi/ModelRegistry.ts'
import type { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import type { oracleVectorFeedAbi } from '../../contracts/abi/OracleVectorFeed.ts'
import type { EventData } from '../../node/ports/event-data.ts'
import type { ChainEvent } from '../../node/ports/events.ts'
import type { Json } from '../../node/ports/json.ts'

/** A decoded argument as the indexer keeps it: integers of every size as decimal strings. */
type Kept<V> = V extends boolean
  ? boolean
  : V extends bigint | number
    ? string
    : V extends readonly (infer E)[]
      ? readonly Kept<E>[]
      : V
type Args<A extends Abi, N extends ContractEventName<A>> = ParseEventLogsReturnType<
  A,
  N,
  true
>[number]['args']
type Of<A extends Abi, N extends ContractEventName<A>> = {
  readonly [K in keyof Args<A, N>]: Kept<Args<A, N>[K]>
}

type Pool = typeof constantProductPoolAbi
type Feed = typeof oracleFeedAbi
type Vector = typeof oracleVectorFeedAbi
type Ocr2 = typeof iOcr2AggregatorAbi
type Registry = typeof modelRegistryAbi

test('the arguments of each event are those of its contract', () => {
  expectTypeOf<EventData>().toEqualTypeOf<{
    readonly 'pool.Swap': Of<Pool, 'Swap'>
    readonly 'pool.Sync': Of<Pool, 'Sync'>
    readonly 'feed.ReportTransmitted': Of<Feed, 'ReportTransmitted'>
    readonly 'feed.AnswerOutOfRange': Of<Feed, 'AnswerOutOfRange'>
    readonly 'vector.VectorTransmitted': Of<Vector, 'VectorTransmitted'>
    readonly 'vector.VectorOutOfRange': Of<Vector, 'VectorOutOfRange'>
    readonly 'ocr2.NewTransmission': Of<Ocr2, 'NewTransmission'>
    readonly 'quorum.ConfigSet': Of<Feed, 'ConfigSet'>
    readonly 'registry.ModelRegistered': Of<Registry, 'ModelRegistered'>
    readonly 'registry.ModelVersionAdded': Of<Registry, 'ModelVersionAdded'>
    readonly 'registry.ModelVersionActiveSet': Of<Registry, 'ModelVersionActiveSet'>
    readonly 'registry.ModelOwnershipTransferStarted': Of<Registry, 'ModelOwnershipTransferStarted'>
    readonly 'registry.ModelOwnershipTransferred': Of<Registry, 'ModelOwnershipTransferred'>
  }>()
})

test('the name of an event tells the type of its arguments', () => {
  const reserves = (event: ChainEvent<'pool.Sync' | 'registry.ModelVersionActiveSet'>) =>
    event.name === 'pool.Sync' ? event.data.reserve0 : event.data.active
  expectTypeOf(reserves).returns.toEqualTypeOf<string | boolean>()
  expectTypeOf<ChainEvent['data']>().toEqualTypeOf<Json>()
  expectTypeOf<ChainEvent<'mine.Own'>['data']>().toEqualTypeOf<Json>()
})
