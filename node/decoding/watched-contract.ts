import { createHash } from 'node:crypto'
import { decodeEventLog, toEventSelector, type AbiEvent as ViemEvent } from 'viem'
import type { Address, ChainLog, Hex } from '../ports/chain.ts'
import type { AbiEvent, CustomContract } from '../ports/custom-tables.ts'
import type { FactoryChild, UndecodedLog } from '../ports/undecoded-log.ts'
import { fitsEvent } from './fits-event.ts'

/** Of the data of a log that is kept. */
const MOST_BYTES = 8_192

/** What a contract is watched by. */
export interface WatchedContract {
  readonly name: string
  readonly chainId: number
  readonly startBlock: bigint
  /** Digest of all that decides which of its logs decode. */
  readonly scope: Hex
  /** Lower case. Without those that a factory makes. */
  readonly addresses: readonly Address[]
  readonly topics: readonly Hex[]
  readonly factory: { readonly address: Address; readonly topic: Hex } | null
  /** The log as it is kept when it does not decode; null when it does, or is none of the contract's. */
  undecoded(log: ChainLog): UndecodedLog | null
  /** Whom a log of the factory names; null when it is no such log, or does not decode. */
  child(log: ChainLog): FactoryChild | null
}

export function watchedContract(contract: CustomContract): WatchedContract {
  const { name, chainId, source, startBlock, events } = contract
  const factory = 'factory' in source ? source.factory : null
  const checks = new Map(events.map((event) => [selectorOf(event), { event, fits: fitsEvent(event) }]))
  const made = factory === null ? null : { topic: selectorOf(factory.event), fits: fitsEvent(factory.event) }
  const isOfFactory = ({ address, topics }: ChainLog) =>
    factory !== null && made !== null && lower(address) === lower(factory.address) && topics[0] === made.topic

  function kept(log: ChainLog, event: string, error: string): UndecodedLog {
    const { blockNumber, blockHash, logIndex, transactionHash, address, topics, data } = log
    return {
      ...{ contract: name, chainId, blockNumber, blockHash, logIndex, transactionHash, event, topics, error },
      address: lower(address),
      data: data.slice(0, 2 + 2 * MOST_BYTES) as Hex,
      dataBytes: (data.length - 2) / 2,
    }
  }

  return {
    ...{ name, chainId, startBlock: BigInt(startBlock) },
    scope: `0x${createHash('sha256').update(JSON.stringify(contract)).digest('hex')}`,
    addresses: 'addresses' in source ? source.addresses.map(lower) : [],
    topics: [...checks.keys()],
    factory:
      factory === null || made === null ? null : { address: lower(factory.address), topic: made.topic },
    undecoded(log) {
      const [topic] = log.topics
      if (factory !== null && isOfFactory(log)) {
        const error = made?.fits(log) ?? null
        return error === null ? null : kept(log, factory.event.name, error)
      }
      const check = topic === undefined ? undefined : checks.get(topic)
      const error = check?.fits(log) ?? null
      return check === undefined || error === null ? null : kept(log, check.event.name, error)
    },
    child(log) {
      if (factory === null || !isOfFactory(log) || made?.fits(log) !== null) return null
      const { args } = decodeEventLog({
        abi: [factory.event as unknown as ViemEvent],
        topics: [...log.topics] as [Hex, ...Hex[]],
        data: log.data,
      })
      // Where an input has no name, viem gives a list.
      const at = factory.event.inputs.findIndex((input) => input.name === factory.parameter)
      const address: unknown = Reflect.get(args ?? {}, Array.isArray(args) ? at : factory.parameter)
      return typeof address === 'string' ? { address: lower(address), blockNumber: log.blockNumber } : null
    },
  }
}

export function lower(address: string): Address {
  return address.toLowerCase() as Address
}

function selectorOf(event: AbiEvent): Hex {
  return toEventSelector(event as unknown as ViemEvent)
}
