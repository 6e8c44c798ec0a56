import type { Hex } from '../../../node/ports/chain.ts'
import type { NoAgreementReason } from '../agreement/agreement-types.ts'
import type { Pin } from '../feed-types.ts'

/** A request that a round is about, with all that judging its answers needs. */
export interface RequestItem {
  readonly requestId: bigint
  readonly modelDigest: Hex
  /** SHA-256 of the input. */
  readonly inputHash: Hex
  /** Fewest validators that have to agree; 0: as many as the rule asks for. */
  readonly minAgreeing: number
  /** The model's agreement rule as canonical JSON: whoever has the model checks it. */
  readonly rule: string
  readonly callbackGasLimit: number
}

/** A disputed answer that a round rules on. */
export interface DisputeItem {
  readonly requestId: bigint
  readonly modelDigest: Hex
  readonly inputHash: Hex
  readonly rule: string
  /** Of the callback that an overturning verdict makes; 0 where the callback waits, or there is none. */
  readonly callbackGasLimit: number
  /** What was answered: `outcomes.answered` or `outcomes.badInput`, and the values. */
  readonly outcome: number
  readonly values: readonly bigint[]
  /** Oracle indices as the contract drew them: they alone run the model. */
  readonly committee: readonly number[]
}

/** A request for which something is due on-chain: `InferenceDisputes._tend` says what. */
export interface UpkeepItem {
  readonly requestId: bigint
  /** Of the callback that waits; 0 where none does. */
  readonly callbackGasLimit: number
}

/** What a round is about: one block of the contract's chain, and what waits there: requests, disputes, and chores. */
export interface RequestQuery {
  readonly pins: readonly [Pin]
  readonly items: readonly RequestItem[]
  readonly disputes: readonly DisputeItem[]
  readonly upkeep: readonly UpkeepItem[]
}

/**
 * Why a validator has no vector. The first two are the input's fault, `unavailable` is the validator's own trouble, and
 * who was not drawn rules on nothing.
 */
export const abstentions = ['bad-input', 'not-finite', 'unavailable', 'not-drawn'] as const
export type Abstention = (typeof abstentions)[number]

/** One validator's result for one item. */
export type RequestResult =
  | { readonly kind: 'values'; readonly values: readonly bigint[]; readonly provider: string }
  | { readonly kind: 'abstained'; readonly reason: Abstention }

/** One validator's view: a result for each item, and one for each dispute, in their order. */
export interface RequestObservation {
  readonly results: readonly RequestResult[]
  readonly rulings: readonly RequestResult[]
}

/** What a contract's report says of a request, as `InferenceOracle` numbers it; 0: nothing yet, it is tried again. */
export const outcomes = { deferred: 0, answered: 1, noAgreement: 2, badInput: 3 } as const
export type OutcomeCode = (typeof outcomes)[keyof typeof outcomes]

/** A validator's result as the outcome keeps it. */
export interface JudgedResult {
  readonly oracle: number
  readonly result: RequestResult
  readonly agrees: boolean
  /** Greatest difference of any coordinate from the answer; null where there is no answer, or no vector. */
  readonly distance: bigint | null
}

export interface JudgedItem {
  readonly item: RequestItem
  readonly outcome: OutcomeCode
  /** Why there is no answer; null where there is one. */
  readonly reason: NoAgreementReason | Abstention | null
  /** Oracles that agree with the answer. */
  readonly agreeing: number
  /** Oracles that gave a vector. */
  readonly observers: number
  /** Greatest difference of any coordinate between two who agree, in quantised units. */
  readonly spread: bigint
  /** The answer: quantised values, or indices of classes. */
  readonly values: readonly bigint[]
  /** Ascending by oracle. */
  readonly results: readonly JudgedResult[]
}

/** What a committee found; 0: nothing yet, it is tried again. */
export const rulings = { deferred: 0, upheld: 1, overturned: 2 } as const
export type RulingCode = (typeof rulings)[keyof typeof rulings]

export interface JudgedDispute {
  readonly dispute: DisputeItem
  readonly ruling: RulingCode
  /** Why there is no ruling; null where there is one. */
  readonly reason: NoAgreementReason | null
  /** Members of the committee that say so. */
  readonly votes: number
  /** Greatest difference of any coordinate between the answer and what the committee has; 0 for classes and without vectors. */
  readonly distance: bigint
  /** What replaces the answer; empty where it stands, or where the model can't take the input. */
  readonly values: readonly bigint[]
  /** Of the committee's members, ascending by oracle. `distance` is that from the disputed answer. */
  readonly results: readonly JudgedResult[]
}

/** A request that is not asked about again before this time: its report is on its way, or it was put off. */
export interface Resting {
  readonly requestId: bigint
  /** Unix seconds of the contract's chain. */
  readonly until: number
}

/** What the validators agreed on in one round. Its canonical bytes are the evidence whose keccak256 is in the report. */
export interface RequestOutcome {
  readonly oracleId: string
  readonly pins: readonly [Pin]
  readonly items: readonly JudgedItem[]
  readonly disputes: readonly JudgedDispute[]
  readonly upkeep: readonly UpkeepItem[]
  readonly resting: readonly Resting[]
}
