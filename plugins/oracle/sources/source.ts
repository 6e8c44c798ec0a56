import type { Hex } from '../../../node/ports/chain.ts'
import type { FeedQuery, FeedValue } from '../feed-types.ts'

/** Where a feed's value comes from: everything it reads is fixed by the pins. */
export interface FeedSource<V extends FeedValue = bigint> {
  /** `modelDigest`: what the contract names; zero for a feed without a model. Integers with the feed's decimals. Rejects with `OracleError` `ORACLE_NO_DATA` while there is too little data. */
  observe(query: FeedQuery, modelDigest: Hex): Promise<V>
}
