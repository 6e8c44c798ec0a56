import { apiToken } from '../../node/kernel/plugin.ts'

/** A feed's newest round as this node's index has it. */
export interface FeedAnswer {
  readonly feed: string
  readonly roundId: bigint
  /** Integer with `decimals` decimals. */
  readonly answer: bigint
  readonly decimals: number
  /** Unix seconds of the data. */
  readonly observationsTimestamp: bigint
}

/** The same of a vector feed. */
export interface VectorAnswer extends Omit<FeedAnswer, 'answer'> {
  /** Integers with `decimals` decimals, in the order of the contract's labels. */
  readonly answers: readonly bigint[]
}

/** What other plugins may ask the oracle. */
export interface OracleApi {
  readonly feeds: readonly string[]
  /** Null while the feed has no round, and of a vector feed. Rejects with `IndexError` when the index can't be read. */
  latest(feed: string): Promise<FeedAnswer | null>
  /** Null while the feed has no round, and of one that is no vector feed. Rejects as `latest`. */
  latestVector(feed: string): Promise<VectorAnswer | null>
}

export const oracleToken = apiToken<OracleApi>('oracle')
