import type { Hex } from '../../ports/chain.ts'

/** A version of a model that is tried beside the one that is at work. Shares are 0 to 1. */
export interface CandidateOptions {
  /** Id of the model. */
  readonly model: string
  readonly digest: Hex
  /** Share of the runs of the version at work that are repeated with the candidate and compared. */
  readonly shadow: number
  /** Share of the API's runs by id that the candidate answers, once `minRuns` were compared. */
  readonly canary: number
  /** It is judged by so many of its newest runs. */
  readonly window: number
  /** Fewer say nothing. */
  readonly minRuns: number
  /** Share of compared runs that may disagree. */
  readonly maxDisagreement: number
  /** Share of runs that may fail. */
  readonly maxFailures: number
  /** How many times as long as the version at work it may take, at the 95th percentile. */
  readonly maxSlowdown: number
  /** Population-stability index of any of its outputs against its own reference; at more it is set aside. */
  readonly maxDrift: number
  /** How far numbers may lie apart, in quantised units; the manifest's tolerance of the version at work when null. */
  readonly tolerance: { readonly absolute: bigint; readonly relativePpm: number } | null
}
