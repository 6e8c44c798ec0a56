/**
 * - `building`: reads the chains, beside the one that is read.
 * - `live`: the one that the views show.
 * - `kept`: was live before, and can be gone back to.
 * - `refused`: came to other rows than the live one where nothing had changed; an operator decides.
 * - `rolled-back`: an operator went back from it; it is not built again.
 */
export type BuildState = 'building' | 'live' | 'kept' | 'refused' | 'rolled-back'

/** One build of the index: a schema of its own, made by one program from one configuration. */
export interface IndexBuild {
  /** `<prefix>_<12 hex digits>`. */
  readonly schema: string
  readonly state: BuildState
  /** Share of the blocks to be read that are, 0 to 1; null while unknown. */
  readonly progress: number | null
  /** Estimate from the speed so far; null while unknown. */
  readonly secondsLeft: number | null
  /** Unix milliseconds. */
  readonly createdAt: number
  /** Unix milliseconds; null for one that never was live. */
  readonly liveAt: number | null
  /** Why it is in that state, for people; null when there is nothing to say. */
  readonly note: string | null
}
