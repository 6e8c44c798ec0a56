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
}

/** What a round is about: one block of the contract's chain, and requests that are pending there. */
export interface RequestQuery {
  readonly pins: readonly [Pin]
  readonly items: readonly RequestItem[]
}

/** Why a validator has no vector. The first two are the input's fault, the last one is the validator's own trouble. */
export const abstentions = ['bad-input', 'not-finite', 'unavailable'] as const
export type Abstention = (typeof abstentions)[number]

/** One validator's result for one item. */
export type RequestResult =
  | { readonly kind: 'values'; readonly values: readonly bigint[]; readonly provider: string }
  | { readonly kind: 'abstained'; readonly reason: Abstention }

/** One validator's view: a result for each item, in their order. */
export interface RequestObservation {
  readonly results: readonly RequestResult[]
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
  readonly resting: readonly Resting[]
}
