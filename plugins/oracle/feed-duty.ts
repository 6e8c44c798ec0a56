import { decodeFunctionResult, encodeFunctionData } from 'viem'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import type { ChainReader, Hex } from '../../node/ports/chain.ts'
import type { IndexReader } from '../../node/ports/index-reader.ts'
import type { Duty, PureDutyContext } from '../../node/ports/quorum.ts'
import { observationCodec, outcomeCodec, queryCodec } from './codecs.ts'
import type { FeedConfig } from './config.ts'
import { decodeOnchainConfig, decodeRules } from './contract-config.ts'
import { OracleError } from './errors.ts'
import type { FeedObservation, FeedOutcome, FeedQuery, OnchainRound } from './feed-types.ts'
import { feedOutcome } from './outcome.ts'
import { checkPins, choosePins } from './pins.ts'
import { decodeReport, feedReports } from './report.ts'
import type { FeedSource } from './sources/source.ts'

const INT192_LIMIT = 2n ** 191n

export interface FeedDutyModules {
  readonly chain: ChainReader
  readonly index: IndexReader
  readonly source: FeedSource
  /** Rejects unless this node may speak for the model that the contract names. */
  readonly checkModel: (modelDigest: Hex) => Promise<void>
}

/** The duty of one feed: pin blocks, observe at them, take the median, report when it is due. */
export function feedDuty(
  feed: FeedConfig,
  modules: FeedDutyModules,
): Duty<FeedQuery, FeedObservation, FeedOutcome> {
  const home = { chainId: feed.contract.chainId, address: feed.contract.address }
  const chainIds = [...new Set([home.chainId, ...feed.source.pools.map((pool) => pool.chainId)])].sort(
    (a, b) => a - b,
  )
  // The configuration's bytes are the same object for as long as the configuration is.
  const rulesOf = remember((bytes: Uint8Array) => decodeRules(bytes))
  const onchainOf = remember((bytes: Uint8Array) => decodeOnchainConfig(bytes))

  return {
    id: `oracle/${feed.id}`,
    contract: home,
    codecs: { query: queryCodec, observation: observationCodec, outcome: outcomeCodec },

    query: (_ctx, previous) => choosePins(chainIds, previous, modules),

    async observe(ctx, query, previous) {
      await modules.checkModel(onchainOf(ctx.onchainConfig).modelDigest)
      await checkPins(chainIds, query, previous, rulesOf(ctx.pluginConfig).maxPinAgeSeconds, modules)
      const pin = query.pins.find((candidate) => candidate.chainId === home.chainId)
      const [value, onchain] = await Promise.all([
        modules.source.observe(query),
        newestRound(modules.index, home, pin?.number ?? 0n),
      ])
      return { value, onchain }
    },

    validate(_ctx, query, previous, observation) {
      if (query.pins.length !== chainIds.length || query.pins.some((pin, at) => pin.chainId !== chainIds[at]))
        throw new OracleError(
          'ORACLE_BAD_PIN',
          `pins must name the chains ${chainIds.join(', ')} in this order`,
        )
      for (const pin of query.pins) {
        const last = previous?.pins.find((candidate) => candidate.chainId === pin.chainId)
        if (last !== undefined && pin.number < last.number)
          throw new OracleError('ORACLE_BAD_PIN', `the pin of chain ${pin.chainId} goes back`, {
            chainId: pin.chainId,
          })
      }
      if (observation.value >= INT192_LIMIT || observation.value < -INT192_LIMIT)
        throw new OracleError('ORACLE_BAD_OBSERVATION', 'the value does not fit into an int192')
    },

    outcome: (ctx, query, previous, observations) =>
      feedOutcome(
        {
          feedId: feed.id,
          modelDigest: onchainOf(ctx.onchainConfig).modelDigest,
          homeChainId: home.chainId,
          f: ctx.f,
          rules: rulesOf(ctx.pluginConfig),
        },
        query,
        previous,
        observations,
      ),

    reports: (_ctx: PureDutyContext, outcome) => feedReports(home, outcome),

    async shouldTransmit(_ctx, report) {
      const latest = await latestOnChain(modules.chain, home)
      return latest === null || latest < decodeReport(report.payload).observationsTimestamp
    },
  }
}

/** The newest accepted round up to a block. */
async function newestRound(
  index: IndexReader,
  feed: { chainId: number; address: Hex },
  block: bigint,
): Promise<OnchainRound | null> {
  const [round] = await index.select({
    table: 'feedRound',
    where: [
      { column: 'chainId', op: '=', value: feed.chainId },
      { column: 'feed', op: '=', value: feed.address.toLowerCase() as Hex },
      { column: 'blockNumber', op: '<=', value: block },
    ],
    orderBy: [
      { column: 'blockNumber', direction: 'desc' },
      { column: 'logIndex', direction: 'desc' },
    ],
    limit: 1,
  })
  return round === undefined ? null : { answer: round.answer, timestamp: Number(round.observationsTimestamp) }
}

/** `observationsTimestamp` of the newest report at the chain's head; null before the first. */
async function latestOnChain(
  chain: ChainReader,
  feed: { chainId: number; address: Hex },
): Promise<number | null> {
  const data = await chain.call(feed.chainId, {
    to: feed.address,
    data: encodeFunctionData({ abi: oracleFeedAbi, functionName: 'latestObservationsTimestamp' }),
  })
  const timestamp = decodeFunctionResult({
    abi: oracleFeedAbi,
    functionName: 'latestObservationsTimestamp',
    data,
  })
  return timestamp === 0 ? null : timestamp
}

function remember<T>(read: (bytes: Uint8Array) => T): (bytes: Uint8Array) => T {
  const known = new WeakMap<Uint8Array, { value: T }>()
  return (bytes) => {
    let entry = known.get(bytes)
    if (entry === undefined) {
      entry = { value: read(bytes) }
      known.set(bytes, entry)
    }
    return entry.value
  }
}
