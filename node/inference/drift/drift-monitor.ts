import type { Hex } from '../../ports/chain.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ModelDrift } from '../../ports/inference.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Tensors } from '../../ports/tensor.ts'
import type { ManifestModel } from '../manifest.ts'
import { DRIFT_DEFAULTS, type DriftOptions, DriftWindow } from './drift-window.ts'

/** Watches what every model with a reference is given and gives. */
export class DriftMonitor {
  readonly #options: DriftOptions
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #windows = new Map<Hex, DriftWindow>()
  readonly #told: ReturnType<typeof driftMetrics>

  constructor(
    options: Partial<DriftOptions>,
    { clock, metrics }: { readonly clock: Pick<Clock, 'monotonic'>; readonly metrics: Metrics },
  ) {
    this.#options = { ...DRIFT_DEFAULTS, ...options }
    this.#clock = clock
    this.#told = driftMetrics(metrics)
  }

  /** Counts a run that was answered: what the network took, and what was answered. */
  observe(model: ManifestModel, inputs: Tensors, outputs: Tensors): void {
    const { digest, reference, batched } = model
    if (reference === undefined) return
    let window = this.#windows.get(digest)
    if (window === undefined) {
      window = new DriftWindow(reference, this.#options)
      this.#windows.set(digest, window)
    }
    const [first] = model.inputs
    const rows = batched && first !== undefined ? (inputs[first.name]?.shape[0] ?? 1) : 1
    window.observe(inputs, outputs, rows, this.#clock.monotonic())
  }

  /** How far each of these models is from its reference; those without one are left out. */
  read(models: readonly ManifestModel[]): readonly ModelDrift[] {
    const now = this.#clock.monotonic()
    return models.flatMap(({ id, version, digest, reference }) => {
      if (reference === undefined) return []
      const { rows, readings } = this.#windows.get(digest)?.read(now) ?? { rows: 0, readings: [] }
      return [{ model: id, version, digest, rows, neededRows: this.#options.leastRows, readings }]
    })
  }

  forget(digest: Hex): void {
    this.#windows.delete(digest)
  }

  /** Forgets the models that are gone, and brings the metrics up to date. */
  refresh(models: readonly ManifestModel[]): void {
    const digests = new Set(models.map(({ digest }) => digest))
    for (const digest of this.#windows.keys()) if (!digests.has(digest)) this.#windows.delete(digest)
    for (const drift of this.read(models)) this.#told(drift)
  }
}

function driftMetrics(metrics: Metrics): (drift: ModelDrift) => void {
  const index = metrics.gauge({
    name: 'iyi_inference_drift_psi',
    help: "Population-stability index of a model's input or output against its reference; 0 while there are too few rows (iyi_inference_drift_rows). Of several versions, the newest",
    labels: ['model', 'kind', 'name'],
  })
  const rows = metrics.gauge({
    name: 'iyi_inference_drift_rows',
    help: 'Rows that are held against the reference of a model',
    labels: ['model'],
  })
  /** What was told of each model, so that what is not known any more can be taken back. */
  const names = new Map<string, ModelDrift['readings']>()
  return (drift) => {
    const { model, readings } = drift
    rows.set(drift.rows, { model })
    for (const { kind, name } of names.get(model) ?? []) index.set(0, { model, kind, name })
    for (const { kind, name, psi } of readings) index.set(psi, { model, kind, name })
    names.set(model, readings)
  }
}
