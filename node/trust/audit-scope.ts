import type { ChainLog, Hex } from '../ports/chain.ts'
import type { Json } from '../ports/json.ts'
import { lowest } from './lowest.ts'
import type { Scope } from './take-statement.ts'

/** One event of one contract that the index keeps a row of. */
export interface AuditedEvent {
  /** Lower case. */
  readonly address: Hex
  /** First topic. */
  readonly topic: Hex
  /** What the index calls it. */
  readonly name: string
  /** First block of which the index keeps it. */
  readonly from: bigint
}

/** What is compared of one chain. */
export interface AuditedChain {
  readonly id: number
  readonly name: string
  readonly confirmations: number
  /** How many independent providers must say the same. */
  readonly providers: number
  readonly events: readonly AuditedEvent[]
}

/** The arguments of a log as the index keeps them; null for a log that it can't decode, and leaves out. */
export type ArgumentsOf = (name: string, log: ChainLog) => Json | null

export function scopeOf({ events }: AuditedChain): Scope {
  return {
    addresses: [...new Set(events.map(({ address }) => address))].sort(),
    topics: [...new Set(events.map(({ topic }) => topic))].sort(),
  }
}

/** First block to audit; null where nothing is indexed, and only blocks themselves are compared. */
export function startOf({ events }: AuditedChain): bigint | null {
  return lowest(events.map(({ from }) => from))
}
