import type { Metrics } from '../ports/metrics.ts'

/** What the inference service tells of itself. */
export function inferenceMetrics(metrics: Metrics) {
  const runs = metrics.counter({
    name: 'iyi_inference_runs_total',
    help: 'Runs by model and result: ok, or the error code',
    labels: ['model', 'result'],
  })
  const durations = metrics.histogram({
    name: 'iyi_inference_run_duration_seconds',
    help: 'Time of a run, waiting included',
    labels: ['model'],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  })
  const waiting = metrics.gauge({
    name: 'iyi_inference_runs_waiting',
    help: 'Runs that wait or are under way',
  })
  const rows = metrics.histogram({
    name: 'iyi_inference_batch_rows',
    help: 'Rows of what was run at once',
    labels: ['model'],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096, 65_536],
  })
  const cached = metrics.counter({
    name: 'iyi_inference_cache_total',
    help: 'Runs that were looked up among the answers that are kept, by result: hit, miss',
    labels: ['result'],
  })
  const usable = metrics.gauge({
    name: 'iyi_inference_model_ok',
    help: '1 when the model passed its goldens, 0 when it is refused',
    labels: ['model', 'version'],
  })
  const fallbacks = metrics.counter({
    name: 'iyi_inference_provider_failures_total',
    help: 'Execution providers that could not run a model',
    labels: ['provider'],
  })
  return {
    done(model: string, result: string, durationMs: number | null): void {
      runs.inc({ model, result })
      if (durationMs !== null) durations.observe(durationMs / 1000, { model })
    },
    pending: (count: number) => waiting.set(count),
    ran: (model: string, count: number) => rows.observe(count, { model }),
    cache: (hit: boolean) => cached.inc({ result: hit ? 'hit' : 'miss' }),
    usable: (model: string, version: string, ok: boolean) => usable.set(ok ? 1 : 0, { model, version }),
    providerFailed: (provider: string) => fallbacks.inc({ provider }),
  }
}

export type InferenceMetrics = ReturnType<typeof inferenceMetrics>
