import type { Address, Hex } from './chain.ts'
import type { Json } from './json.ts'

/** An indexed event that reached its chain's confirmation depth, as the node keeps it. */
export interface ChainEvent {
  /** The node's own rising number of the event: the cursor. */
  readonly seq: bigint
  /** `<contract kind>.<Event>`: `pool.Swap`, `pool.Sync`, `feed.ReportTransmitted`, `ocr2.NewTransmission`, `quorum.ConfigSet`, `registry.ModelRegistered`, ... */
  readonly name: string
  readonly chainId: number
  readonly blockNumber: bigint
  readonly blockHash: Hex
  readonly logIndex: number
  readonly transactionHash: Hex
  /** Unix seconds of its block. */
  readonly timestamp: bigint
  readonly address: Address
  /** Decoded arguments; integers as decimal strings. */
  readonly data: Json
}

export interface Subscription {
  /** Stops delivery; resolves once a handler in flight has ended. */
  close(): Promise<void>
}

/**
 * The node's durable event log: typed, ordered per chain, at-least-once. The cursor of a consumer moves after its
 * handler resolved, so a crash in between delivers the event again.
 */
export interface EventLog {
  /**
   * Follows events from the consumer's stored cursor. `from` matters only on the first call ever of that consumer.
   * A handler that rejects is retried with backoff; later events wait.
   */
  subscribe(
    options: { consumer: string; names: readonly string[]; from: 'start' | 'now' },
    handler: (event: ChainEvent) => Promise<void>,
  ): Promise<Subscription>
  /** Reads past events; at most `limit` (1..1,000). */
  read(options: { after: bigint; names?: readonly string[]; limit: number }): Promise<readonly ChainEvent[]>
}
