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

/** What other plugins may ask the oracle. */
export interface OracleApi {
  readonly feeds: readonly string[]
  /** Null while the feed has no round. Rejects with `IndexError` when the index can't be read. */
  latest(feed: string): Promise<FeedAnswer | null>
}

export const oracleToken = apiToken<OracleApi>('oracle')
