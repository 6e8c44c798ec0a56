import type { Address, Hex } from './chain.ts'
import type { EventData } from './event-data.ts'
import type { Json } from './json.ts'

/**
 * How sure an event is; it goes through them in this order, each at most once.
 * - `seen`: in the chain's newest blocks. A reorganisation may take it back any time.
 * - `confirmed`: the chain's configured confirmations lie on its block.
 * - `final`: the chain itself calls its block final; where it has no such word, the same as confirmed.
 */
export const stages = ['seen', 'confirmed', 'final'] as const
export type Stage = (typeof stages)[number]

interface EventOf<N extends string> {
  /** The node's own rising number of this notice, the place in the log. */
  readonly seq: bigint
  /** What is told of the event: it reached the subscription's stage, or it is not in the chain any more. */
  readonly stage: Stage | 'reverted'
  /**
   * Idempotency key: the same for every delivery of this notice, of no other. `<chainId>-<blockHash>-<logIndex>-<stage>`;
   * where a chain came back to a block that it had dropped, the notices of the second time end in `-2`, and so on.
   */
  readonly key: string
  /** `<contract kind>.<Event>`: `pool.Swap`, `pool.Sync`, `feed.ReportTransmitted`, `vector.VectorTransmitted`, `ocr2.NewTransmission`, `inference.InferenceRequested`, `quorum.ConfigSet`, `registry.ModelRegistered`, ...; `custom.<contract>.<Event>` of an operator's contract with `eventLog: true`. */
  readonly name: N
  readonly chainId: number
  readonly blockNumber: bigint
  readonly blockHash: Hex
  readonly logIndex: number
  readonly transactionHash: Hex
  /** Unix seconds of its block. */
  readonly timestamp: bigint
  readonly address: Address
  /** Decoded arguments; integers as decimal strings. */
  readonly data: N extends keyof EventData ? EventData[N] : Json
}

/** What is told of one indexed log. With a union of names, `name` tells the type of `data`. */
export type ChainEvent<N extends string = string> = N extends string ? EventOf<N> : never

export interface Subscription {
  /**
   * Block of a chain up to which the handler has resolved for everything that there is at the subscription's stage; null
   * while that is not known: before the index was looked through, and while a chain stands still. A reorganisation takes it
   * back. It stays below an event that the handler failed at to the last, until the operator had that delivered again: who
   * answers for a block has all that happened up to it. Rejects with EventLogError `EVENTS_UNAVAILABLE` (retry).
   */
  reached(chainId: number): Promise<bigint | null>
  /** Stops delivery; resolves once the handlers in flight have ended. */
  close(): Promise<void>
}

/** Where a new consumer begins: with the oldest event, with the next one, or at a block of each chain (others: the oldest). */
export type From = 'start' | 'now' | { readonly [chainId: number]: bigint }

/**
 * The node's durable event log: typed, ordered per chain, at-least-once. A consumer has a cursor per chain, which moves
 * after its handler resolved, so a crash in between delivers the event again.
 */
export interface EventLog {
  /**
   * Follows events from the consumer's stored cursors. `from` matters only on the first call ever of that consumer, and
   * its `stage` never changes.
   *
   * Each event is told once it is at `stage`, and as `reverted` if it is dropped from the chain after that; a consumer
   * at `confirmed` or `final` hears `reverted` only when a reorganisation went deeper than that. Chains do not wait for
   * each other: handlers of one consumer may run at once for different chains.
   *
   * A handler that rejects is tried again with backoff, and later events of that chain wait. After the last try the
   * event becomes a dead letter, which the operator can have delivered again, and the next one comes.
   */
  subscribe<const N extends string>(
    options: {
      readonly consumer: string
      readonly names: readonly N[]
      readonly from: From
      readonly stage: Stage
    },
    handler: (event: ChainEvent<N>) => Promise<void>,
  ): Promise<Subscription>
  /** Reads past notices of a stage, `confirmed` when absent, of all chains in their order; at most `limit` (1..1,000). */
  read(options: {
    readonly after: bigint
    readonly names?: readonly string[]
    readonly stage?: Stage
    readonly limit: number
  }): Promise<readonly ChainEvent[]>
}
