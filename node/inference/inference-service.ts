import type { Clock, Timer } from '../ports/clock.ts'
import type { Health } from '../ports/health.ts'
import { type Inference, type InferenceRequest, type InferenceResult, REFERENCE } from '../ports/inference.ts'
import type { InferenceBackend } from '../ports/inference-backend.ts'
import { BackendError, InferenceError } from '../ports/inference-error.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { Tensors } from '../ports/tensor.ts'
import { DriftMonitor } from './drift/drift-monitor.ts'
import type { DriftOptions } from './drift/drift-window.ts'
import { inferenceMetrics } from './inference-metrics.ts'
import { type ManifestSource, ModelSet } from './model-set.ts'
import type { ModelSlot, Run } from './model-slot.ts'
import { Penalties } from './penalties.ts'
import { applyOperations, OperationFault, rawPorts } from './pipeline.ts'
import { ReferenceModels } from './reference-models.ts'
import { copyOf, inputDigest, ResultCache } from './result-cache.ts'
import { Scheduler } from './scheduler.ts'
import { badInput, checkInputs, checkTensors } from './tensors.ts'
import { Candidates, type VersionOptions } from './versions/candidates.ts'

/** Runs of one model and priority that may wait. */
const MAX_WAITING = 1_024
const MAX_PENDING_BYTES = 256 * 2 ** 20
/** How often the metrics of drift are brought up to date. */
const DRIFT_MS = 15_000

export interface InferenceOptions {
  /** Of two versions of a model the later one is the newer. */
  readonly manifests: readonly ManifestSource[]
  /** Tried in this order for each model. */
  readonly providers: readonly string[]
  /** A caller may ask for less time, not for more. */
  readonly deadlineMs: number
  readonly maxBatchRows: number
  readonly maxBatchDelayMs: number
  /** 0: no answer is kept. */
  readonly cacheBytes: number
  /** How often every model is held against its goldens again. */
  readonly selfTestMs: number
  /** How often the manifests are looked at for changes; 0: only at the start. */
  readonly watchMs: number
  /** New versions are tried beside those at work; none when absent. */
  readonly versions?: VersionOptions
  /** What is held against the references of models; the usual window when absent. */
  readonly drift?: Partial<DriftOptions>
}

export interface InferenceService extends Inference {
  /** Loads, verifies and tests every model. Rejects with `INFERENCE_BAD_MANIFEST`; a bad model only refuses itself. */
  start(): Promise<void>
  /**
   * Reads the manifests again: new models are loaded and tested, then take their place at once; what is gone is unloaded
   * once its runs have ended. Rejects with `INFERENCE_BAD_MANIFEST`, and leaves everything as it was.
   */
  reload(): Promise<void>
  /** Lets the runs under way end and frees the models; runs that wait are rejected with `INFERENCE_FAILED`. */
  stop(): Promise<void>
  health(): Health
}

/** The `Inference` port: what a manifest promises, run by backends in their turn. */
export function inferenceService(
  options: InferenceOptions,
  modules: {
    backends: readonly InferenceBackend[]
    /** Runs the versions that are tried, so that they harm no other; `backends` do when absent. */
    apart?: InferenceBackend
    /** Settles disputes in the reference profile; it is started when there is one. None are where it is absent. */
    reference?: InferenceBackend
    log: Logger
    metrics: Metrics
    clock: Clock
    /** Uniform in [0, 1): which runs a version that is tried gets. */
    random?: () => number
  },
): InferenceService {
  const { clock, apart = null } = modules
  const backends = apart === null ? modules.backends : [...modules.backends, apart]
  const log = modules.log.child({ module: 'inference' })
  const told = inferenceMetrics(modules.metrics)
  const cache = new ResultCache(options.cacheBytes)
  const penalties = new Penalties()
  const drift = new DriftMonitor(options.drift ?? {}, modules)
  const pending = new Map<InferenceBackend, number>()
  const schedulers = new Map(
    backends.map((backend) => [
      backend,
      new Scheduler(
        {
          maxWaiting: MAX_WAITING,
          maxPendingBytes: MAX_PENDING_BYTES,
          maxBatchRows: options.maxBatchRows,
          maxBatchDelayMs: options.maxBatchDelayMs,
        },
        {
          backend,
          clock,
          onPending: (count) => {
            pending.set(backend, count)
            told.pending([...pending.values()].reduce((sum, each) => sum + each, 0))
          },
          onRun: told.ran,
        },
      ),
    ]),
  )
  /** Tests run as a duty would: alone, and before the API. */
  const test: Run = ({ model, backend }, inputs) =>
    submit(backend, {
      name: 'self-test',
      model,
      inputs,
      priority: 'duty',
      batched: false,
      deadlineMs: 60_000,
    })
  const drained = async ({ opened }: ModelSlot) => {
    if (opened !== null) await schedulers.get(opened.backend)?.drained(opened.model)
  }
  const forget = (digest: string) => cache.forget(digest)
  const candidates: Candidates = new Candidates(options.versions, {
    ...{ log, metrics: modules.metrics, clock, random: modules.random ?? Math.random },
    ...{ deadlineMs: options.deadlineMs, perform, usable: (digest) => models.usable(digest) },
    live: (id) => models.live(id),
    forgetDrift: (digest) => drift.forget(digest),
    outputDrift: ({ entry }) => {
      const outputs = drift
        .read([entry])
        .flatMap(({ readings }) => readings.filter(({ kind }) => kind === 'output'))
      return outputs.length === 0 ? null : Math.max(...outputs.map(({ psi }) => psi))
    },
  })
  const models: ModelSet = new ModelSet(options, {
    ...{ backends: modules.backends, apart, versions: candidates, run: test, drained, forget, log, told },
  })
  const references = new ReferenceModels({ backend: modules.reference ?? null, log, clock })
  let running = false
  let timers: Timer[] = []

  function submit(backend: InferenceBackend, submission: Parameters<Scheduler['submit']>[0]) {
    const scheduler = schedulers.get(backend)
    if (scheduler === undefined || !running) throw notStarted(submission.name)
    return scheduler.submit(submission)
  }

  function every(ms: number, work: () => Promise<void>): void {
    if (ms === 0) return
    const again = () => {
      if (!running) return
      const timer = clock.setTimer(ms, () => {
        timers = timers.filter((other) => other !== timer)
        void work()
          // The next time may do; no periodic work is worth the node.
          .catch((error: unknown) => log.error({ err: error }, 'Fail a periodic check of models'))
          .finally(again)
      })
      timers.push(timer)
    }
    again()
  }

  async function compute(slot: ModelSlot, request: InferenceRequest, inputs: Tensors, input: string | null) {
    const { entry, opened } = slot
    const { priority = 'api', signal } = request
    const now = clock.monotonic()
    const restMs = penalties.restMs(entry.digest, priority, now)
    if (restMs > 0) throw resting(entry.id, restMs)
    if (input !== null && penalties.isHarmful(entry.digest, priority, input, now))
      throw new InferenceError(
        'INFERENCE_HARMFUL',
        entry.id,
        `Model ${entry.id} is not run on this input for an hour: what ran it before took too much time or memory, or ended. Give it more, or another input.`,
      )
    if (opened === null) throw failed(entry.id, 'the model is not loaded')
    try {
      return await submit(opened.backend, {
        ...{ name: entry.id, model: opened.model, inputs, priority },
        batched: entry.batched && priority === 'api',
        deadlineMs: Math.min(request.deadlineMs ?? options.deadlineMs, options.deadlineMs),
        ...(signal === undefined ? {} : { signal }),
        onHarm: (error) => {
          const harm = error.code === 'BACKEND_CRASHED' ? 'crash' : 'limit'
          const againInMs = penalties.harmed(entry.digest, priority, input, harm, clock.monotonic())
          log.error({ model: entry.id, priority, againInMs, err: error }, 'Let a model rest that did harm')
          // What waits would each do the same, for all that is known.
          if (againInMs > 0)
            schedulers.get(opened.backend)?.refuse(opened.model, priority, resting(entry.id, againInMs))
        },
      })
    } catch (error) {
      if (!(error instanceof BackendError)) throw error
      if (error.code === 'BACKEND_CANCELLED')
        throw new InferenceError(
          'INFERENCE_CANCELLED',
          entry.id,
          `The run of model ${entry.id} was given up.`,
        )
      throw failed(entry.id, error.message, error)
    }
  }

  async function answer(slot: ModelSlot, request: InferenceRequest, inputs: Tensors, fresh: boolean) {
    const input = inputDigest(inputs)
    const key = input === null || options.cacheBytes === 0 || fresh ? null : `${slot.entry.digest} ${input}`
    const kept = key === null ? null : cache.get(key)
    if (key !== null) told.cache(kept !== null)
    if (kept !== null) return { outputs: kept, cached: true }
    // What is kept must be of what was hashed, whatever the caller does to it meanwhile.
    const own = key === null ? inputs : copyOf(inputs)
    const outputs = slot.finish(await compute(slot, request, own, input))
    if (key !== null) cache.set(key, outputs)
    return { outputs, cached: false }
  }

  /** One run of one version; `fresh` takes no answer from what is kept, and keeps none. */
  async function perform(
    slot: ModelSlot,
    request: InferenceRequest,
    fresh: boolean,
  ): Promise<InferenceResult> {
    const { entry } = slot
    const started = clock.monotonic()
    const inputs = request.raw === true ? prepare(slot, request.inputs) : request.inputs
    checkInputs(entry, inputs)
    const { outputs, cached } = await answer(slot, request, inputs, fresh)
    drift.observe(entry, inputs, outputs)
    const durationMs = clock.monotonic() - started
    const quantized = request.quantize === false ? [] : slot.quantize(outputs)
    return { outputs, quantized, digest: entry.digest, provider: slot.provider, durationMs, cached }
  }

  /** In a process apart, one after the other: a dispute is a stranger's to make, and nothing else waits for it. */
  async function settle(request: InferenceRequest): Promise<InferenceResult> {
    const started = clock.monotonic()
    const known = models.known(request.model)
    const inputs = request.raw === true ? prepare(known, request.inputs) : request.inputs
    checkInputs(known.entry, inputs)
    const outputs = known.finish(await references.run(known, copyOf(inputs)))
    return {
      ...{ outputs, quantized: known.quantize(outputs), digest: known.entry.digest, provider: REFERENCE },
      ...{ durationMs: clock.monotonic() - started, cached: false },
    }
  }

  async function run(request: InferenceRequest): Promise<InferenceResult> {
    if (!running) throw notStarted(request.model)
    if (request.reference === true) return await settle(request)
    const slot = models.find(request.model)
    const { id } = slot.entry
    try {
      const result = await candidates.run(request, slot, slot === models.live(id))
      told.done(id, 'ok', result.durationMs)
      return result
    } catch (error) {
      told.done(id, error instanceof InferenceError ? error.code : 'other', null)
      throw error
    }
  }

  async function stop(): Promise<void> {
    running = false
    for (const timer of timers) timer.cancel()
    const tried = candidates.stop()
    const runs = Promise.all([...schedulers.values()].map((scheduler) => scheduler.stop()))
    // Nobody waits for what runs there, however long it may.
    await Promise.all([apart?.stop(), references.stop()])
    await runs
    await tried
    await models.close()
    for (const backend of backends) await backend.stop()
  }

  return {
    models: () => models.list().map((slot) => slot.info()),
    run,
    drift: () => drift.read(models.list().map(({ entry }) => entry)),
    async start() {
      running = true
      try {
        for (const backend of backends) await backend.start()
        await models.load()
      } catch (error) {
        await stop()
        throw error
      }
      every(options.selfTestMs, () => models.selfTest())
      every(options.watchMs, () => models.reloadIfChanged())
      every(DRIFT_MS, async () => drift.refresh(models.list().map(({ entry }) => entry)))
    },
    reload: () => models.load(),
    stop,
    health() {
      if (!running) return { status: 'failed', reason: 'inference is not started' }
      const ill = modules.backends.map((backend) => backend.health()).find(({ status }) => status !== 'ok')
      const found = ill ?? models.health()
      // What is tried makes no node unfit.
      const concerns = candidates.concerns()
      return found.status !== 'ok' || concerns.length === 0
        ? found
        : { status: 'ok', detail: [found.detail ?? 'ok', ...concerns].join('; ') }
    },
  }
}

function prepare(slot: ModelSlot, raw: Tensors): Tensors {
  const { entry } = slot
  checkTensors(rawPorts(entry.preprocessing, entry.inputs), raw, (why) => badInput(entry.id, why))
  try {
    return applyOperations(entry.preprocessing, raw)
  } catch (error) {
    if (error instanceof OperationFault) throw badInput(entry.id, error.message)
    throw error
  }
}

const failed = (model: string, why: string, cause?: unknown) =>
  new InferenceError('INFERENCE_FAILED', model, `Model ${model} could not be run: ${why}. Try again.`, cause)
const resting = (model: string, restMs: number) =>
  failed(model, `it rests for ${Math.ceil(restMs / 1000)} s more, since a run of it did harm`)
const notStarted = (model: string) => failed(model, 'inference is not started')
