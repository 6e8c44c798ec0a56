import { getPriority, setPriority } from 'node:os'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Health } from '../../ports/health.ts'
import type {
  InferenceBackend,
  ModelSource,
  OpenModel,
  Optimisation,
  Provider,
} from '../../ports/inference-backend.ts'
import { BackendError } from '../../ports/inference-error.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { ProcessGuard } from '../../ports/process.ts'
import type { Tensor, Tensors } from '../../ports/tensor.ts'
import { providerText } from './placement.ts'
import { type Answered, residentBytes, type WorkerLimits, WorkerProcess } from './worker-process.ts'
import type { Opened } from './worker-protocol.ts'

export interface OnnxBackendOptions extends WorkerLimits {
  /** Tried in this order by the service. */
  readonly providers: readonly Provider[]
  /** CPU threads that one run may use; 1 keeps float sums in one order. */
  readonly threads: number
  /** How far the runtime may change a model's graph; `all` when absent. */
  readonly optimisation?: Optimisation
  /** Processes. Each has every model. */
  readonly workers: number
  /** Before their numbers in metrics; none when absent. */
  readonly label?: string
  /** How far the processes stand back behind this one, as nice(1) has it; 0 when absent. */
  readonly niceness?: number
}

/** A run below this is short: the next one is sent before it is answered, so that the worker need not wait for it. */
const SHORT_MS = 5
/** How long after the end of a worker the next one starts: doubled with each that ends before it did anything. */
const RESTART_MS = { first: 50, last: 10_000 } as const
const MEMORY_METRIC_MS = 5_000

interface Opening {
  readonly source: ModelSource
  readonly provider: string
  readonly number: number
}

/** A place for a worker, which has one most of the time. */
interface Seat {
  process: WorkerProcess | null
  /** One that opens the models, and is not asked for runs yet. */
  starting: WorkerProcess | null
  /** Models that this process has open. */
  readonly models: Set<number>
  restartMs: number
  timer: Timer | null
}

/**
 * ONNX Runtime in processes of its own. One that is lost is started again with every model that was open; a run that is
 * lost because of another model is tried again once it is.
 */
export function onnxBackend(
  options: OnnxBackendOptions,
  modules: { log: Logger; metrics: Metrics; clock: Clock; guard?: ProcessGuard },
): InferenceBackend {
  const { clock, metrics, guard } = modules
  const log = modules.log.child({ module: 'inference', backend: 'onnx' })
  const restarts = metrics.counter({
    name: 'iyi_inference_worker_restarts_total',
    help: 'Processes that run models and were lost: killed at a limit, or ended by themselves',
  })
  const memory = metrics.gauge({
    name: 'iyi_inference_worker_memory_bytes',
    help: 'Resident memory of the processes that run models',
    labels: ['worker'],
  })
  const seats: Seat[] = Array.from({ length: options.workers }, () => ({
    ...{ process: null, starting: null, models: new Set<number>(), restartMs: RESTART_MS.first, timer: null },
  }))
  const opened = new Map<number, Opening>()
  /** Waits until some seat has a process again. */
  const waiters = new Set<() => void>()
  let nextModel = 1
  let running = false
  let runMs = Number.POSITIVE_INFINITY
  let memoryTimer: Timer | null = null

  async function seatProcess(seat: Seat): Promise<void> {
    if (!running) return
    seat.models.clear()
    const started = clock.monotonic()
    const process = new WorkerProcess(options, (why) => {
      if (process.pid !== undefined) guard?.release(process.pid)
      if (seat.process === process) seat.process = null
      if (seat.starting === process) seat.starting = null
      if (!running) return
      restarts.inc()
      const lived = clock.monotonic() - started
      seat.restartMs =
        lived > RESTART_MS.last ? RESTART_MS.first : Math.min(seat.restartMs * 2, RESTART_MS.last)
      log.warn({ reason: why, againInMs: seat.restartMs }, 'Lose a process that runs models; start another')
      seat.timer = clock.setTimer(seat.restartMs, () => void seatProcess(seat))
    })
    seat.starting = process
    if (process.pid !== undefined) {
      guard?.watch(process.pid)
      standBack(process.pid, options.niceness)
    }
    // Every open model is there before the first run.
    for (const opening of opened.values()) await loadToo(seat, process, opening)
    // It ended meanwhile, and the next one is on its way.
    if (seat.starting !== process) return
    seat.starting = null
    seat.process = process
    for (const wake of waiters) wake()
    waiters.clear()
  }

  async function load(process: WorkerProcess, { source, provider, number }: Opening): Promise<Opened> {
    const { threads, optimisation = 'all' } = options
    const command = { op: 'open', model: number, provider, threads, optimisation } as const
    const { opened: ports } = await process.send(command, source.id, {}, source.bytes)
    if (ports === undefined)
      throw new BackendError('BACKEND_CRASHED', source.id, 'the worker did not describe it')
    return ports
  }

  /** Opens a model that another process has already. What goes wrong is told: the others go on without this one. */
  async function loadToo(seat: Seat, process: WorkerProcess, opening: Opening): Promise<void> {
    const { number, source } = opening
    try {
      await load(process, opening)
      if (process !== seat.starting && process !== seat.process) return
      if (opened.has(number)) seat.models.add(number)
      else await process.send({ op: 'close', model: number }, source.id)
    } catch (error) {
      log.warn({ model: source.id, err: error }, 'Fail to open a model in one of the processes')
    }
  }

  /** The process with the least to do among those that have the model. */
  function idlest(model: number): WorkerProcess | null {
    let best: WorkerProcess | null = null
    for (const { process, models } of seats)
      if (process !== null && models.has(model) && (best === null || process.waiting < best.waiting))
        best = process
    return best
  }

  async function seated(signal?: AbortSignal): Promise<void> {
    if (!running || seats.some(({ process }) => process !== null)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    waiters.add(resolve)
    signal?.addEventListener('abort', () => resolve(), { once: true })
    await promise
  }

  async function runOn(opening: Opening, inputs: Tensors, signal?: AbortSignal): Promise<Answered> {
    const { number, source } = opening
    await seated(signal)
    if (signal?.aborted) throw new BackendError('BACKEND_CANCELLED', source.id, 'the run was given up')
    // What was sent can't be taken back: it is waited for, so that no more is sent than the process can take.
    const process = running ? idlest(number) : null
    if (process === null)
      throw new BackendError(
        'BACKEND_LOST',
        source.id,
        running ? 'no worker has the model' : 'inference is not started',
      )
    const began = clock.monotonic()
    const answered = await process.send({ op: 'run', model: number }, source.id, inputs)
    runMs = clock.monotonic() - began
    return answered
  }

  function openModel(opening: Opening, { inputs, outputs }: Opened): OpenModel {
    const { source } = opening
    let { provider } = opening
    return {
      get provider() {
        return provider
      },
      inputs,
      outputs,
      async run(given, signal) {
        const { outputs: answer, ran } = await runOn(opening, given, signal)
        if (ran !== undefined) {
          provider = providerText(ran)
          if (!provider.split(/[ ,]+/).includes(opening.provider))
            throw new BackendError(
              'BACKEND_BAD_MODEL',
              source.id,
              `the runtime took the model for ${opening.provider} and ran all of it on ${provider}`,
            )
        }
        return answer as Record<string, Tensor>
      },
      async close() {
        opened.delete(opening.number)
        await Promise.allSettled(
          seats.map(async (seat) => {
            if (seat.models.delete(opening.number))
              await seat.process?.send({ op: 'close', model: opening.number }, source.id)
          }),
        )
      },
    }
  }

  return {
    get lanes() {
      const alive = seats.filter(({ process }) => process !== null).length
      return Math.max(1, alive * (runMs < SHORT_MS ? 2 : 1))
    },
    takes: () => true,
    providers: options.providers,
    async start() {
      running = true
      await Promise.all(seats.map(seatProcess))
      const measure = () => {
        for (const [at, { process }] of seats.entries())
          memory.set(residentBytes(process?.pid), { worker: `${options.label ?? ''}${at}` })
        memoryTimer = clock.setTimer(MEMORY_METRIC_MS, measure)
      }
      measure()
    },
    async open(source, provider) {
      const opening: Opening = { source, provider, number: nextModel++ }
      await seated()
      const first = seats.find(({ process }) => process !== null)
      if (first?.process == null)
        throw new BackendError('BACKEND_LOST', source.id, 'inference is not started')
      let ports: Opened
      try {
        // On one first: a model that ends its process shall not end them all.
        ports = await load(first.process, opening)
      } catch (error) {
        throw error instanceof BackendError && error.code === 'BACKEND_RUN_FAILED'
          ? new BackendError('BACKEND_BAD_MODEL', source.id, error.message, error)
          : error
      }
      opened.set(opening.number, opening)
      first.models.add(opening.number)
      for (const seat of seats)
        if (seat.process !== null && !seat.models.has(opening.number))
          await loadToo(seat, seat.process, opening)
      return openModel(opening, ports)
    },
    async stop() {
      running = false
      memoryTimer?.cancel()
      for (const wake of waiters) wake()
      waiters.clear()
      await Promise.all(
        seats.map(async (seat) => {
          seat.timer?.cancel()
          await Promise.all([seat.process?.stop(), seat.starting?.stop()])
        }),
      )
    },
    health(): Health {
      const alive = seats.filter(({ process }) => process !== null).length
      if (!running || alive === 0)
        return { status: 'failed', reason: 'no process that runs models is up: see the log' }
      return alive < seats.length
        ? { status: 'degraded', reason: `${alive} of ${seats.length} processes that run models are up` }
        : { status: 'ok', detail: `${alive} processes` }
    },
  }
}

/** Where the system does not let it, or it has ended already, it runs as the others do. */
function standBack(pid: number, niceness = 0): void {
  if (niceness === 0) return
  try {
    setPriority(pid, Math.min(19, getPriority() + niceness))
  } catch {}
}
