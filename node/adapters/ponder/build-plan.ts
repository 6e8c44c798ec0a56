import type { IndexBuild } from '../../ports/index-builds.ts'

/** Builds to go back to, besides the one that is live. */
const KEPT = 1

export interface BuildPlan {
  /** Schemas on which Ponder has to run. */
  readonly run: readonly string[]
  /** The one that is to take over when it is ready; null while there is none. */
  readonly next: string | null
  /** Schemas to drop. */
  readonly drop: readonly string[]
}

/**
 * What has to happen, from the list of builds alone: so whoever starts after a crash decides the same.
 *
 * @param builds oldest first
 * @param ours the one that this program and configuration make
 */
export function planBuilds(builds: readonly IndexBuild[], ours: string): BuildPlan {
  const live = builds.find(({ state }) => state === 'live')?.schema ?? null
  const next = builds.find(({ schema, state }) => schema === ours && state === 'building')?.schema ?? null
  // The one that was read last, whether another took over or an operator went back from it.
  const kept = builds
    .filter(({ schema, state }) => schema !== ours && (state === 'kept' || state === 'rolled-back'))
    .sort((a, b) => (b.liveAt ?? 0) - (a.liveAt ?? 0))
    .slice(0, KEPT)
    .map(({ schema }) => schema)
  const needed = [live, ours, ...kept]
  return {
    run: [live, next].filter((schema) => schema !== null),
    next,
    drop: builds.map(({ schema }) => schema).filter((schema) => !needed.includes(schema)),
  }
}
