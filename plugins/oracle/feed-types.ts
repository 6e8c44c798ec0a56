import type { Hex } from '../../node/ports/chain.ts'
import type { Row } from '../../node/ports/index-tables.ts'

/** A block of one chain that a round's input is read at: all validators look at the same data. */
export interface Pin {
  readonly chainId: number
  readonly number: bigint
  readonly hash: Hex
  /** Unix seconds. */
  readonly timestamp: number
}

/** What a round is about: one pin a chain, ascending by chain id. */
export interface FeedQuery {
  readonly pins: readonly Pin[]
}

/** What the next round's pins are held against. */
export type Pinned = Pick<FeedQuery, 'pins'>

/** What a feed says: an integer with the feed's decimals; of a vector feed one for each label. */
export type FeedValue = bigint | readonly bigint[]

/**
 * The newest report that a feed's contract took, as seen at the pinned block of its chain. One whose answer was out of
 * range counts too: the contract knows of it, and to send it again and again would change nothing.
 */
export interface OnchainRound<V extends FeedValue = bigint> {
  readonly answer: V
  /** Unix seconds; the report's `observationsTimestamp`. */
  readonly timestamp: number
}

/** A round as the index has it; of a vector feed with `answers`. */
export type FeedRound = Row<'feedRound'> | Row<'feedVectorRound'>

/** The least and the greatest answer that a contract takes; both are taken. */
export interface AnswerLimits {
  readonly min: bigint
  readonly max: bigint
}

/** What a contract's `onchainConfig` means for the round. */
export interface ContractTerms {
  /** Manifest digest of the model that the contract names; zero for none, and for a kind that can't name one. */
  readonly modelDigest: Hex
  /** Null where the contract takes every answer, and itself shows which ones were out of range. */
  readonly limits: AnswerLimits | null
  /** What tells the elements of a vector apart, one each; null for a contract that takes one number. */
  readonly labels: readonly bigint[] | null
}

/** One validator's view. */
export interface FeedObservation<V extends FeedValue = bigint> {
  readonly value: V
  readonly onchain: OnchainRound<V> | null
}

/** An observation as the outcome keeps it. */
export interface JudgedObservation<V extends FeedValue = bigint> {
  readonly oracle: number
  readonly value: V
  /** False: farther from the median than the tolerance, and left out. Of a vector: does not stand with the answer. */
  readonly accepted: boolean
}

/**
 * What the validators agreed on in one round. Its canonical bytes are the round's evidence: their keccak256 is in the
 * signed report.
 */
export interface FeedOutcome<V extends FeedValue = bigint> {
  readonly feedId: string
  /** Manifest digest of the model that made the values; zero for a feed that is computed without one. */
  readonly modelDigest: Hex
  readonly pins: readonly Pin[]
  /** Ascending by oracle. */
  readonly observations: readonly JudgedObservation<V>[]
  /** Median of the accepted values. Of vectors what the rule makes of them; empty where there is no agreement. */
  readonly answer: V
  /** Largest less smallest accepted value; of vectors the most that it is in any element. */
  readonly spread: bigint
  /** Unix seconds: the pinned block of the feed's own chain. */
  readonly timestamp: number
  /** No more than f values were left out. Otherwise honest validators disagree, and there is no report. */
  readonly agreed: boolean
  /** This round makes a report. */
  readonly due: boolean
  /** The report against which the next round is judged: this round's, else the newest on-chain or on its way there. */
  readonly lastReport: OnchainRound<V> | null
}
