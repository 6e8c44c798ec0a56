import type { Clock, Timer } from '../ports/clock.ts'
import { type InferencePriority, inferencePriorities } from '../ports/inference.ts'
import type { InferenceBackend, OpenModel } from '../ports/inference-backend.ts'
import { BackendError, InferenceError, isHarm } from '../ports/inference-error.ts'
import { bytesOf, type Tensor, type Tensors } from '../ports/tensor.ts'
import { joinRows, rowSignature, rowsOf, splitRows } from './batch.ts'

export interface SchedulerOptions {
  /** Runs of one model and priority that may wait. */
  readonly maxWaiting: number
  /** Bytes of input that all that is not answered yet may have. */
  readonly maxPendingBytes: number
  /** Most rows of a run that is put together of several; 1: none is. */
  readonly maxBatchRows: number
  /** How long a run may wait for others to be put together with, while there is nothing else to do. */
  readonly maxBatchDelayMs: number
}

interface SchedulerModules {
  readonly backend: InferenceBackend
  readonly clock: Clock
  /** Told how many runs wait or are under way. */
  readonly onPending: (count: number) => void
  readonly onRun: (model: string, rows: number) => void
}

export interface Submission {
  /** Id of the model, for errors. */
  readonly name: string
  readonly model: OpenModel
  readonly inputs: Tensors
  readonly priority: InferencePriority
  /** Its rows may be put together with those of others. */
  readonly batched: boolean
  readonly deadlineMs: number
  readonly signal?: AbortSignal
  /** Told when the run itself harmed what ran it, whether its caller still waits or not; before the caller is. */
  readonly onHarm?: (error: BackendError) => void
}

interface Job {
  readonly of: Submission
  readonly bytes: number
  readonly at: number
  /** Rows, and what they must have in common with others'; null for a run that stays alone. */
  rows: { readonly count: number; readonly signature: string } | null
  settled: boolean
  /** How often it was lost for the sake of others. */
  lost: number
  readonly resolve: (outputs: Record<string, Tensor>) => void
  readonly reject: (error: unknown) => void
}

type Queue = Record<InferencePriority, Job[]>

/** A run that is lost through no fault of its own is tried so often. */
const MAX_LOST = 3

/**
 * Decides which run is next. Duties go before requests, and both, in the order in which they came, before everything else;
 * then the models take turns, so that one that is asked a lot does not keep the others waiting. What waits of one batched model becomes one run; a run of several that fails is
 * repeated one by one, so that nobody suffers from somebody else's input.
 */
export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #modules: SchedulerModules
  /** In the order of their turns. */
  readonly #queues = new Map<OpenModel, Queue>()
  #pending = 0
  #pendingBytes = 0
  #running = 0
  #stopped = false
  #timer: Timer | null = null
  #idle = Promise.withResolvers<void>()
  /** What is not answered yet of each model, and who waits for that to end. */
  readonly #open = new Map<OpenModel, { count: number; readonly done: PromiseWithResolvers<void> }>()

  constructor(options: SchedulerOptions, modules: SchedulerModules) {
    this.#options = options
    this.#modules = modules
  }

  /**
   * Runs it in its turn. Rejects with `INFERENCE_BUSY`, `INFERENCE_TIMEOUT`, `INFERENCE_CANCELLED`, `INFERENCE_FAILED`
   * when the node stops, or `BackendError`.
   */
  submit(of: Submission): Promise<Record<string, Tensor>> {
    const { name, signal, deadlineMs } = of
    if (this.#stopped) return Promise.reject(stopping(name))
    if (signal?.aborted) return Promise.reject(cancelled(name))
    const queue = this.#queueOf(of.model)
    const ahead = queue[of.priority]
    const bytes = bytesOf(of.inputs)
    if (
      ahead.length >= this.#options.maxWaiting ||
      (this.#pending > 0 && this.#pendingBytes + bytes > this.#options.maxPendingBytes)
    )
      return Promise.reject(
        new InferenceError(
          'INFERENCE_BUSY',
          name,
          `${ahead.length} runs of model ${name} wait already, and ${this.#pendingBytes} bytes of input in all. Try again later.`,
        ),
      )
    return new Promise((resolve, reject) => {
      const settle = () => {
        job.settled = true
        deadline.cancel()
        signal?.removeEventListener('abort', abort)
        this.#count(-1, -bytes)
        this.#closed(of.model)
      }
      const job: Job = {
        of,
        bytes,
        at: this.#modules.clock.monotonic(),
        rows: this.#batchable(of),
        settled: false,
        lost: 0,
        resolve: (outputs) => {
          if (job.settled) return
          settle()
          resolve(outputs)
        },
        reject: (error) => {
          if (job.settled) return
          settle()
          reject(error)
        },
      }
      const abort = () => this.#giveUp(job, cancelled(name))
      const deadline = this.#modules.clock.setTimer(deadlineMs, () =>
        this.#giveUp(
          job,
          new InferenceError(
            'INFERENCE_TIMEOUT',
            name,
            `Model ${name} did not answer within ${deadlineMs} ms. Try again, or allow it more time.`,
          ),
        ),
      )
      signal?.addEventListener('abort', abort, { once: true })
      this.#count(1, bytes)
      this.#opened(of.model)
      ahead.push(job)
      this.#pump()
    })
  }

  /** Resolves once everything that was submitted of `model` is answered. */
  drained(model: OpenModel): Promise<void> {
    return this.#open.get(model)?.done.promise ?? Promise.resolve()
  }

  /** Rejects what waits of a model with `error`: it may not be run now. */
  refuse(model: OpenModel, priority: InferencePriority, error: InferenceError): void {
    for (const job of this.#queues.get(model)?.[priority].splice(0) ?? []) job.reject(error)
  }

  /** Rejects what waits, and resolves once the runs under way have ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const [model, queue] of this.#queues) {
      for (const job of inferencePriorities.flatMap((priority) => queue[priority]))
        job.reject(stopping(job.of.name))
      this.#queues.delete(model)
    }
    if (this.#running > 0) await this.#idle.promise
  }

  #opened(model: OpenModel): void {
    const found = this.#open.get(model) ?? { count: 0, done: Promise.withResolvers<void>() }
    found.count += 1
    this.#open.set(model, found)
  }

  #closed(model: OpenModel): void {
    const found = this.#open.get(model)
    if (found === undefined) return
    found.count -= 1
    if (found.count > 0) return
    this.#open.delete(model)
    found.done.resolve()
  }

  #queueOf(model: OpenModel): Queue {
    const found = this.#queues.get(model)
    if (found !== undefined) return found
    const made: Queue = { duty: [], request: [], api: [] }
    this.#queues.set(model, made)
    return made
  }

  #batchable({ batched, inputs }: Submission): Job['rows'] {
    if (!batched || this.#options.maxBatchRows <= 1) return null
    const count = rowsOf(inputs)
    return count === null || count >= this.#options.maxBatchRows
      ? null
      : { count, signature: rowSignature(inputs) }
  }

  #count(by: number, bytes: number): void {
    this.#pending += by
    this.#pendingBytes += bytes
    this.#modules.onPending(this.#pending)
  }

  /** Takes it out of its queue; a run under way goes on without anybody to answer to. */
  #giveUp(job: Job, error: InferenceError): void {
    const queue = this.#queues.get(job.of.model)?.[job.of.priority]
    const at = queue?.indexOf(job) ?? -1
    if (at >= 0) queue?.splice(at, 1)
    job.reject(error)
  }

  /** Starts what the backend has room for. */
  #pump(): void {
    this.#timer?.cancel()
    this.#timer = null
    while (!this.#stopped && this.#running < this.#modules.backend.lanes) {
      const jobs = this.#next()
      if (jobs.length === 0) return
      this.#running += 1
      void this.#run(jobs).finally(() => {
        this.#running -= 1
        if (this.#running === 0) {
          this.#idle.resolve()
          this.#idle = Promise.withResolvers()
        }
        this.#pump()
      })
    }
  }

  #next(): readonly Job[] {
    const alone = this.#oldest('duty') ?? this.#oldest('request')
    if (alone !== undefined) return [alone]
    let patientUntil = Infinity
    for (const [model, queue] of this.#queues) {
      const [first] = queue.api
      if (first === undefined) {
        this.#queues.delete(model)
        continue
      }
      const jobs = this.#together(queue.api, first)
      const until = first.at + this.#options.maxBatchDelayMs
      if (this.#isPatient(first, jobs) && until > this.#modules.clock.monotonic()) {
        patientUntil = Math.min(patientUntil, until)
        continue
      }
      // Its turn is over: behind all others.
      this.#queues.delete(model)
      this.#queues.set(model, queue)
      const taken = new Set(jobs)
      queue.api.splice(0, queue.api.length, ...queue.api.filter((job) => !taken.has(job)))
      return jobs
    }
    if (patientUntil < Infinity)
      this.#timer = this.#modules.clock.setTimer(
        Math.max(1, Math.ceil(patientUntil - this.#modules.clock.monotonic())),
        () => this.#pump(),
      )
    return []
  }

  /** Takes the one that waits longest, of whichever model. */
  #oldest(priority: InferencePriority): Job | undefined {
    let oldest: readonly Job[] = []
    let queue: Job[] = []
    for (const { [priority]: jobs } of this.#queues.values())
      if ((jobs[0]?.at ?? Infinity) < (oldest[0]?.at ?? Infinity)) oldest = queue = jobs
    return queue.shift()
  }

  /** The first that waits, and those behind it that fit into one run with it. */
  #together(waiting: readonly Job[], first: Job): readonly Job[] {
    if (first.rows === null) return [first]
    const jobs: Job[] = []
    let room = this.#options.maxBatchRows
    for (const job of waiting) {
      if (job.rows === null || job.rows.signature !== first.rows.signature || job.rows.count > room) continue
      jobs.push(job)
      room -= job.rows.count
      if (room === 0) break
    }
    return jobs
  }

  /** A full run does not wait, and one that stays alone has nobody to wait for. */
  #isPatient(first: Job, jobs: readonly Job[]): boolean {
    if (this.#options.maxBatchDelayMs === 0 || first.rows === null) return false
    return jobs.reduce((sum, { rows }) => sum + (rows?.count ?? 0), 0) < this.#options.maxBatchRows
  }

  async #run(jobs: readonly Job[]): Promise<void> {
    const [first] = jobs
    if (first === undefined) return
    const { model, name } = first.of
    const counts = jobs.map(({ rows }) => rows?.count ?? 1)
    this.#modules.onRun(name, first.rows === null ? (rowsOf(first.of.inputs) ?? 1) : sum(counts))
    try {
      if (jobs.length === 1) {
        first.resolve(await model.run(first.of.inputs, first.of.signal))
        return
      }
      const outputs = await model.run(joinRows(jobs.map(({ of }) => of.inputs)))
      const parts = splitRows(outputs, counts)
      if (parts === null)
        throw new BackendError(
          'BACKEND_RUN_FAILED',
          name,
          'an output has no row for each row of the input: the manifest calls it batched, and it is not',
        )
      for (const [i, job] of jobs.entries()) job.resolve(parts[i] ?? {})
    } catch (error) {
      this.#failed(jobs, error)
    }
  }

  #failed(jobs: readonly Job[], error: unknown): void {
    const [only, ...others] = jobs
    // Also when nobody waits for it any more: what it did was done.
    if (others.length === 0 && isHarm(error)) only?.of.onHarm?.(error)
    const lost = error instanceof BackendError && error.code === 'BACKEND_LOST'
    const again: Job[] = []
    for (const job of jobs) {
      if (lost) job.lost += 1
      // One of several is to blame, if any: alone each gets its own answer.
      const retry = lost ? job.lost < MAX_LOST : jobs.length > 1
      if (job.settled) continue
      if (!retry || this.#stopped) {
        job.reject(this.#stopped ? stopping(job.of.name) : error)
        continue
      }
      if (!lost) job.rows = null
      again.push(job)
    }
    const [first] = again
    if (first !== undefined) this.#queueOf(first.of.model)[first.of.priority].unshift(...again)
  }
}

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
const stopping = (name: string) =>
  new InferenceError(
    'INFERENCE_FAILED',
    name,
    `Model ${name} could not be run: the node is stopping. Try again.`,
  )
const cancelled = (name: string) =>
  new InferenceError('INFERENCE_CANCELLED', name, `The run of model ${name} was given up by its caller.`)
