import type { CandidateOptions } from './candidate-options.ts'

/** What came of one run of a candidate. */
export type TrialRun =
  | {
      readonly kind: 'compared'
      readonly agrees: boolean
      readonly distance: bigint
      readonly durationMs: number
      /** Of the version at work; null when its answer was kept from before. */
      readonly liveMs: number | null
    }
  /** The canary's answer, which nobody compared. */
  | { readonly kind: 'answered' }
  /** `harm`: it ended the process that ran it, or had to be ended. */
  | { readonly kind: 'failed'; readonly harm: boolean }

export interface TrialFigures {
  /** Runs that are compared in the window. */
  readonly compared: number
  /** Shares; of runs that were compared, and of all. */
  readonly disagreement: number
  readonly failures: number
  /** Quantised units: median, 95th percentile, largest. */
  readonly distance: readonly [number, number, number]
  /** 95th percentiles, milliseconds. */
  readonly p95Ms: number
  readonly liveP95Ms: number
}

/** So many runs of a window that do harm are enough, however few others there are. */
const MAX_HARM = 3
/** A candidate that takes less than this is not called slow. */
const QUICK_MS = 10

type Limits = Pick<CandidateOptions, 'window' | 'minRuns' | 'maxDisagreement' | 'maxFailures' | 'maxSlowdown'>

/** A candidate's newest runs, and what speaks against it. Pure. */
export class Trial {
  readonly #limits: Limits
  /** Of their own, so that what a canary answers, which nobody compares, does not push them out. */
  readonly #compared: (TrialRun & { readonly kind: 'compared' })[] = []
  readonly #all: TrialRun[] = []

  constructor(limits: Limits) {
    this.#limits = limits
  }

  add(run: TrialRun): void {
    const { window } = this.#limits
    if (run.kind === 'compared') keep(this.#compared, run, window)
    keep(this.#all, run, window)
  }

  /** Enough was compared to trust it with answers. */
  get proven(): boolean {
    return this.#compared.length >= this.#limits.minRuns
  }

  /** Why it must not go on, in words; null while nothing says so. `figures` are those of now. */
  verdict(figures: TrialFigures = this.figures()): string | null {
    const { minRuns, maxDisagreement, maxFailures, maxSlowdown } = this.#limits
    const { compared, disagreement, failures, p95Ms, liveP95Ms } = figures
    const all = this.#all.length
    const harm = this.#all.filter((run) => run.kind === 'failed' && run.harm).length
    if (harm >= MAX_HARM) return `${harm} runs ended the process that ran them`
    if (all >= minRuns && failures > maxFailures)
      return `${percent(failures)} of ${all} runs failed, more than ${percent(maxFailures)}`
    if (!this.proven) return null
    if (disagreement > maxDisagreement)
      return `${percent(disagreement)} of ${compared} runs disagree with the version at work, more than ${percent(maxDisagreement)}`
    const mostMs = Math.max(QUICK_MS, liveP95Ms * maxSlowdown)
    if (p95Ms > mostMs)
      return `its 95th percentile is ${p95Ms.toFixed(1)} ms, more than ${mostMs.toFixed(1)} ms`
    return null
  }

  figures(): TrialFigures {
    const compared = this.#compared
    const distances = sorted(compared.map((run) => Number(run.distance)))
    return {
      compared: compared.length,
      disagreement: share(compared, ({ agrees }) => !agrees),
      failures: share(this.#all, ({ kind }) => kind === 'failed'),
      distance: [quantile(distances, 0.5), quantile(distances, 0.95), quantile(distances, 1)],
      p95Ms: quantile(sorted(compared.map((run) => run.durationMs)), 0.95),
      liveP95Ms: quantile(sorted(compared.flatMap((run) => run.liveMs ?? [])), 0.95),
    }
  }
}

function keep<T>(entries: T[], next: T, most: number): void {
  entries.push(next)
  if (entries.length > most) entries.shift()
}

function share<T>(entries: readonly T[], counts: (entry: T) => boolean): number {
  return entries.length === 0 ? 0 : entries.filter(counts).length / entries.length
}

const sorted = (values: number[]): readonly number[] => values.sort((a, b) => a - b)

function quantile(ascending: readonly number[], part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * part))] ?? 0
}

const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`
