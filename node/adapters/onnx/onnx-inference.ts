import { realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../../ports/clock.ts'
import type { Health } from '../../ports/health.ts'
import type { Inference } from '../../ports/inference.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { InferenceError, RuntimeFailure } from './inference-error.ts'
import { readManifest } from './manifest.ts'
import { ModelSlot, type Provider } from './model-slot.ts'
import { RunQueue } from './run-queue.ts'
import { checkInputs } from './tensors.ts'

/** Runs that may wait, the one under way included. */
const maxWaiting = 256

export interface OnnxInferenceOptions {
  /** The manifest; files are looked for in its folder only. */
  readonly manifestPath: string
  /** Tried in this order for each model; `cpu` is tried last when it is not listed. */
  readonly providers: readonly Provider[]
  /** Threads that one run may use; 1 keeps float sums in one order. */
  readonly threads: number
}

export interface OnnxInference extends Inference {
  /** Loads, verifies and tests every model. Rejects with `INFERENCE_BAD_MANIFEST`; a bad model only refuses itself. */
  start(): Promise<void>
  /** Lets the run under way end and frees the models; runs that wait are rejected with `INFERENCE_FAILED`. */
  stop(): Promise<void>
  health(): Health
}

/** The `Inference` port over ONNX Runtime, in this process. */
export function onnxInference(
  options: OnnxInferenceOptions,
  modules: { log: Logger; metrics: Metrics; clock: Clock },
): OnnxInference {
  const { clock, metrics } = modules
  const log = modules.log.child({ module: 'inference' })
  const providers = [...new Set<Provider>([...options.providers, 'cpu'])]
  const runs = metrics.counter({
    name: 'iyi_inference_runs_total',
    help: 'Runs by model and result: ok, or the error code',
    labels: ['model', 'result'],
  })
  const durations = metrics.histogram({
    name: 'iyi_inference_run_duration_seconds',
    help: 'Time of a run, waiting included',
    labels: ['model'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  })
  const waiting = metrics.gauge({
    name: 'iyi_inference_queue_length',
    help: 'Runs that wait or are under way',
  })
  const usable = metrics.gauge({
    name: 'iyi_inference_model_ok',
    help: '1 when the model may be run, 0 when it is refused',
    labels: ['model', 'version'],
  })
  const fallbacks = metrics.counter({
    name: 'iyi_inference_provider_failures_total',
    help: 'Execution providers that could not run a model',
    labels: ['provider'],
  })
  let slots = new Map<string, ModelSlot>()
  let queue: RunQueue | null = null

  function report(slot: ModelSlot): void {
    usable.set(slot.refusal === null ? 1 : 0, { model: slot.entry.id, version: slot.entry.version })
    if (slot.refusal !== null) log.error({ model: slot.entry.id, reason: slot.refusal }, 'Refuse a model')
  }

  function find(model: string): ModelSlot {
    const slot = slots.get(model)
    if (slot === undefined)
      throw new InferenceError(
        'INFERENCE_UNKNOWN_MODEL',
        model,
        `There is no model ${JSON.stringify(model)} in the manifest. It has: ${[...slots.keys()].join(', ') || 'none'}.`,
      )
    if (slot.refusal !== null)
      throw new InferenceError('INFERENCE_REFUSED', model, `Model ${model} is refused: ${slot.refusal}.`)
    return slot
  }

  async function attempt(slot: ModelSlot, inputs: Parameters<Inference['run']>[0]['inputs']) {
    checkInputs(slot.entry, inputs)
    try {
      if (queue === null) throw new RuntimeFailure('inference is not started')
      return await slot.run(inputs, queue)
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      throw new InferenceError(
        'INFERENCE_FAILED',
        slot.entry.id,
        `Model ${slot.entry.id} could not be run: ${error.message}. Try again.`,
        error,
      )
    }
  }

  return {
    models: () => [...slots.values()].map((slot) => slot.info()),
    run: async ({ model, inputs }) => {
      const slot = find(model)
      const started = clock.monotonic()
      try {
        const { outputs, quantized } = await attempt(slot, inputs)
        const durationMs = clock.monotonic() - started
        runs.inc({ model, result: 'ok' })
        durations.observe(durationMs / 1000, { model })
        return { outputs, quantized, provider: slot.provider, durationMs }
      } catch (error) {
        runs.inc({ model, result: error instanceof InferenceError ? error.code : 'other' })
        throw error
      }
    },
    start: async () => {
      const path = await realpath(options.manifestPath).catch(() => options.manifestPath)
      const models = readManifest(path)
      const current = new RunQueue({ maxWaiting, onLength: (length) => waiting.set(length) })
      queue = current
      slots = new Map(models.map((model) => [model.id, new ModelSlot(model)]))
      for (const slot of slots.values()) {
        await slot.open(
          { root: dirname(path), providers, threads: options.threads },
          { queue: current, log, providerFailed: (provider) => fallbacks.inc({ provider }) },
        )
        report(slot)
        if (slot.refusal === null)
          log.info(
            { model: slot.entry.id, digest: slot.entry.digest, provider: slot.provider },
            'Load a model',
          )
      }
    },
    stop: async () => {
      const current = queue
      queue = null
      await current?.close()
      for (const slot of slots.values()) await slot.close()
    },
    health: () => {
      if (queue === null) return { status: 'failed', reason: 'inference is not started' }
      const refused = [...slots.values()].filter((slot) => slot.refusal !== null)
      if (refused.length === 0) return { status: 'ok', detail: `${slots.size} models` }
      return {
        status: refused.length === slots.size ? 'failed' : 'degraded',
        reason: refused.map((slot) => `model ${slot.entry.id} is refused: ${slot.refusal}`).join('; '),
      }
    },
  }
}
