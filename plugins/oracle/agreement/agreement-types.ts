/** What one node says: its model's outputs one after another, quantised; or that it has no answer, and why. */
export type TensorObservation =
  | { readonly kind: 'values'; readonly values: readonly bigint[] }
  | { readonly kind: 'abstained'; readonly reason: string }

/** What the judges get: a vector of the right length and who gave it. */
export interface Vote {
  readonly oracle: number
  readonly values: readonly bigint[]
}

/** How many nodes chose these classes. */
export interface ClassVotes {
  /** Ascending. */
  readonly classes: readonly number[]
  readonly votes: number
}

/** What became of the observations. Those that the last four do not count stand apart. */
export interface Tally {
  readonly observed: number
  readonly abstained: number
  /** Vectors of another length than the question asks for. */
  readonly malformed: number
  /** Class rules: nodes whose own scores are closer than the margin. */
  readonly undecided: number
  /** Those who stand with the answer, or with what came nearest to be one. */
  readonly agreeing: number
}

/** How far a node's vector is from the answer; null of a node that gave none. */
export interface Distance {
  readonly oracle: number
  /**
   * Greatest difference of any coordinate, in quantised units. With a class rule: from the middle of the scores of those
   * who agree.
   */
  readonly distance: bigint | null
}

export interface Agreed {
  readonly kind: 'agreed'
  /** The vector; with a class rule the indices of the classes, ascending. */
  readonly values: readonly bigint[]
  /** Oracle indices, ascending. */
  readonly agreeing: readonly number[]
  /** Greatest difference of any coordinate between two who agree, in quantised units. */
  readonly spread: bigint
  /** Of every observer, ascending by oracle. */
  readonly distances: readonly Distance[]
  /** Class rules: most votes first. Empty otherwise. */
  readonly votes: readonly ClassVotes[]
  readonly tally: Tally
}

export type NoAgreementReason =
  /** Fewer than 2f + 1 observations: nothing can be said. */
  | 'too-few-observations'
  /** More than f nodes gave no vector, so at least one honest one could not. */
  | 'abstained'
  /** More than f nodes can't tell the classes apart. */
  | 'undecided'
  /** More than f nodes do not stand with any one answer. */
  | 'apart'
  /** There is an answer, with fewer nodes behind it than were asked for. */
  | 'too-few-agreeing'

export interface NoAgreement {
  readonly kind: 'none'
  readonly reason: NoAgreementReason
  /** The reason that more than f nodes gave for abstaining: at least one of them is honest. Null: there is no such. */
  readonly because: string | null
  readonly votes: readonly ClassVotes[]
  readonly tally: Tally
}

export type Agreement = Agreed | NoAgreement

/** What a rule makes of the vectors before it is known whether enough stand behind it. */
export interface Judgement {
  /** Means nothing while nobody agrees. */
  readonly values: readonly bigint[]
  /** What distances are measured from. */
  readonly reference: readonly bigint[]
  /** Ascending by oracle. */
  readonly agreeing: readonly Vote[]
  readonly votes: readonly ClassVotes[]
  readonly undecided: number
}
