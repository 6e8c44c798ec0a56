import type { Metrics } from '../../ports/metrics.ts'
import type { TrialFigures } from './trial.ts'

/** What became of a candidate's run. `skipped`: one was under way already, it is too large to be compared, or the candidate rests. */
export type CandidateResult = 'agrees' | 'differs' | 'answered' | 'failed' | 'skipped'

/** Where a candidate stands. */
export const candidateStates = ['trial', 'absent', 'set-aside', 'promoted'] as const
export type CandidateState = (typeof candidateStates)[number]

/** What is told of candidates. */
export function candidateMetrics(metrics: Metrics) {
  const runs = metrics.counter({
    name: 'iyi_inference_candidate_runs_total',
    help: 'Runs of a version that is tried, by mode (shadow, canary) and result: agrees, differs, answered, failed, skipped',
    labels: ['model', 'digest', 'mode', 'result'],
  })
  const durations = metrics.histogram({
    name: 'iyi_inference_candidate_run_duration_seconds',
    help: 'Time of a run of a version that is tried, waiting included',
    labels: ['model', 'digest'],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  })
  const distances = metrics.gauge({
    name: 'iyi_inference_candidate_distance',
    help: 'Distance from the version at work in quantised units, over the window',
    labels: ['model', 'digest', 'quantile'],
  })
  const disagreement = metrics.gauge({
    name: 'iyi_inference_candidate_disagreement_ratio',
    help: 'Share of the compared runs of the window that disagree',
    labels: ['model', 'digest'],
  })
  const states = metrics.gauge({
    name: 'iyi_inference_candidate_state',
    help: '1 for the state that a version is in: trial, absent, set-aside, promoted',
    labels: ['model', 'digest', 'state'],
  })
  return {
    ran(of: Of, mode: 'shadow' | 'canary', result: CandidateResult, durationMs: number | null): void {
      runs.inc({ model: of.model, digest: of.digest, mode, result })
      if (durationMs !== null) durations.observe(durationMs / 1000, { model: of.model, digest: of.digest })
    },
    figures({ model, digest }: Of, figures: TrialFigures): void {
      const [middle, high, most] = figures.distance
      distances.set(middle, { model, digest, quantile: '0.5' })
      distances.set(high, { model, digest, quantile: '0.95' })
      distances.set(most, { model, digest, quantile: '1' })
      disagreement.set(figures.disagreement, { model, digest })
    },
    state({ model, digest }: Of, state: CandidateState): void {
      for (const each of candidateStates) states.set(each === state ? 1 : 0, { model, digest, state: each })
    },
  }
}

type Of = { readonly model: string; readonly digest: string }
