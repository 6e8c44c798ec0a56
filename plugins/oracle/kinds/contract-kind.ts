import type { ChainReader } from '../../../node/ports/chain.ts'
import type { Json } from '../../../node/ports/json.ts'
import type { ContractRef, Report } from '../../../node/ports/quorum.ts'
import type { FeedConfig } from '../config.ts'
import type { ContractTerms, FeedOutcome, FeedValue } from '../feed-types.ts'
import type { ValueType } from '../values/value-type.ts'

/**
 * What differs between the contracts that a feed may report to. Everything else of a feed (pins, observations, outcome,
 * rules) is the same whoever deployed its contract.
 */
export interface ContractKind<V extends FeedValue> {
  /** As in the configuration; also selects the indexer's handlers. */
  readonly name: FeedConfig['contract']['kind']
  /** One number or a vector. */
  readonly values: ValueType<V>
  /** Throws `ORACLE_BAD_BYTES`. Pure. */
  readonly decodeOnchainConfig: (bytes: Uint8Array) => ContractTerms
  /** Payload and third context word of an outcome that is due. Pure. */
  readonly report: (outcome: FeedOutcome<V>) => Pick<Report, 'payload' | 'extraHash'>
  /** What a report of this kind says. Throws on other bytes. */
  readonly decodeReport: (payload: Uint8Array) => {
    readonly observationsTimestamp: number
    readonly answer: V
  }
  /** Unix seconds of the observations of the newest report at the chain's head; null before the first. Rejects with `ChainError`. */
  readonly latestTimestamp: (chain: ChainReader, contract: ContractRef) => Promise<number | null>
  /** Name of the indexed event of an accepted round. */
  readonly roundEvent: string
  /** The round in that event's data; null where it names none. */
  readonly roundIdOf: (data: Json) => bigint | null
}

/** An integer of an event's data. */
export function integerOf(data: Json, name: string): bigint | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return null
  const value = String(Reflect.get(data, name))
  return /^\d+$/.test(value) ? BigInt(value) : null
}
