import type { Attributed, Codec } from '../../../node/ports/quorum.ts'
import type { FeedRules } from '../contract-config.ts'
import type {
  AnswerLimits,
  ContractTerms,
  FeedObservation,
  FeedOutcome,
  FeedRound,
  FeedValue,
  JudgedObservation,
} from '../feed-types.ts'

/** What judging a round's values needs beside them. */
export interface JudgeOptions extends ContractTerms {
  /** How many of the network's n >= 3f + 1 validators may lie. */
  readonly f: number
  readonly rules: FeedRules
}

/** What a round's observations make together. */
export type Judged<V extends FeedValue> = Pick<FeedOutcome<V>, 'answer' | 'spread' | 'agreed'> & {
  /** In the order given. */
  readonly observations: readonly JudgedObservation<V>[]
}

/** What differs between a feed of one number and one of a vector. Everything in it is pure. */
export interface ValueType<V extends FeedValue> {
  readonly observation: Codec<FeedObservation<V>>
  readonly outcome: Codec<FeedOutcome<V>>
  /** Throws `ORACLE_BAD_OBSERVATION` for what no report of such a contract can hold. */
  readonly check: (value: V, terms: ContractTerms) => void
  readonly judge: (options: JudgeOptions, observations: readonly Attributed<V>[]) => Judged<V>
  /** Whether a value moved by at least the deviation of the last one, so that it is worth a report. */
  readonly deviates: (last: V, value: V, rules: FeedRules) => boolean
  readonly isWithin: (limits: AnswerLimits, value: V) => boolean
  /** A total order, in which it does not matter what comes first. */
  readonly compare: (a: V, b: V) => number
  /** What an indexed round says. */
  readonly ofRow: (row: FeedRound) => V
}
