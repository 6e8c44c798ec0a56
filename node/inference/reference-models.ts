import type { Clock, Timer } from '../ports/clock.ts'
import { REFERENCE } from '../ports/inference.ts'
import type { InferenceBackend } from '../ports/inference-backend.ts'
import { BackendError, InferenceError, isHarm } from '../ports/inference-error.ts'
import type { Logger } from '../ports/log.ts'
import type { Tensor, Tensors } from '../ports/tensor.ts'
import { ModelSlot } from './model-slot.ts'
import { inputDigest } from './result-cache.ts'

/** Disputes come seldom, and then several attempts at one follow each other. */
const IDLE_MS = 600_000
const MAX_WAITING = 16
const HARMFUL_MS = 3_600_000
const MAX_HARMFUL = 256

/**
 * Runs of models in the reference profile, in a process of their own that is there only while somebody asks for one: one run
 * after the other, one model open at a time, verified and tested against its goldens as every model is.
 */
export class ReferenceModels {
  readonly #backend: InferenceBackend | null
  readonly #log: Logger
  readonly #clock: Clock
  #isUp = false
  #open: ModelSlot | null = null
  /** What can't be run here, and until when nobody tries. */
  readonly #refused = new Map<string, { readonly reason: string; readonly until: number }>()
  /** Inputs that ended the process, and until when they are not run again; oldest first. */
  readonly #harmful = new Map<string, number>()
  #turn: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #idle: Timer | null = null
  #stopped = false

  constructor(modules: { backend: InferenceBackend | null; log: Logger; clock: Clock }) {
    this.#backend = modules.backend
    this.#log = modules.log
    this.#clock = modules.clock
  }

  /** Rejects with `INFERENCE_REFUSED`, `INFERENCE_BUSY`, `INFERENCE_HARMFUL`, `INFERENCE_FAILED`. */
  async run(model: ModelSlot, inputs: Tensors): Promise<Record<string, Tensor>> {
    const { id } = model.entry
    const backend = this.#backend
    if (backend === null || this.#stopped) throw refused(id, 'there is nothing here that runs it')
    if (this.#waiting >= MAX_WAITING)
      throw new InferenceError(
        'INFERENCE_BUSY',
        id,
        `${this.#waiting} disputes wait already. Try again later.`,
      )
    this.#waiting++
    const turn = this.#turn.then(() => this.#run(backend, model, inputs))
    this.#turn = turn.catch(() => {})
    try {
      return await turn
    } finally {
      this.#waiting--
      this.#rest()
    }
  }

  /** What waits is rejected; resolves once the process is gone. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#idle?.cancel()
    // Ends a run that is under way.
    if (this.#isUp) await this.#backend?.stop()
    await this.#turn
  }

  async #run(backend: InferenceBackend, model: ModelSlot, inputs: Tensors): Promise<Record<string, Tensor>> {
    const { entry } = model
    if (this.#stopped) throw refused(entry.id, 'the node is stopping')
    const before = this.#refused.get(entry.digest)
    if (before !== undefined && before.until > this.#clock.monotonic()) throw refused(entry.id, before.reason)
    const digest = inputDigest(inputs)
    // Texts have none: then the model itself is what did harm.
    const input = `${entry.digest} ${digest ?? 'any'}`
    if ((this.#harmful.get(input) ?? 0) > this.#clock.monotonic())
      throw harmful(entry.id, 'this input ended what ran it before')
    if (!this.#isUp) {
      await backend.start()
      this.#isUp = true
    }
    const slot = await this.#opened(backend, model)
    if (slot.refusal !== null || slot.opened === null) {
      const reason = slot.refusal ?? 'it could not be opened'
      // One whose process was lost meanwhile may be opened the next time.
      if (!slot.missed) this.#refused.set(entry.digest, { reason, until: this.#clock.monotonic() + IDLE_MS })
      throw refused(entry.id, reason)
    }
    try {
      return await slot.opened.model.run(inputs)
    } catch (error) {
      if (!(error instanceof BackendError)) throw error
      const { message } = error
      if (isHarm(error)) {
        this.#harmful.set(input, this.#clock.monotonic() + HARMFUL_MS)
        for (const oldest of this.#harmful.keys()) {
          if (this.#harmful.size <= MAX_HARMFUL) break
          this.#harmful.delete(oldest)
        }
        throw harmful(entry.id, message, error)
      }
      throw new InferenceError(
        'INFERENCE_FAILED',
        entry.id,
        `Model ${entry.id} could not be run in the reference profile: ${message}. Try again.`,
        error,
      )
    }
  }

  /** Closes the one that is open if it is another: memory holds one of them at a time. */
  async #opened(backend: InferenceBackend, { entry, root }: ModelSlot): Promise<ModelSlot> {
    if (this.#open?.entry.digest === entry.digest) return this.#open
    await this.#open?.close()
    this.#open = null
    const slot = new ModelSlot(entry, root)
    await slot.open(
      { providers: ['cpu'] },
      {
        ...{ backends: [backend], log: this.#log, providerFailed: () => {} },
        run: ({ model }, inputs) => model.run(inputs),
      },
    )
    if (slot.refusal === null) this.#open = slot
    return slot
  }

  /** Gives the process back once nobody asks any more. */
  #rest(): void {
    this.#idle?.cancel()
    if (this.#stopped || this.#waiting > 0) return
    this.#idle = this.#clock.setTimer(IDLE_MS, () => {
      this.#turn = this.#turn.then(async () => {
        if (this.#waiting > 0 || !this.#isUp || this.#stopped) return
        await this.#open?.close()
        this.#open = null
        await this.#backend?.stop()
        this.#isUp = false
      })
    })
  }
}

const harmful = (model: string, why: string, cause?: unknown) =>
  new InferenceError(
    'INFERENCE_HARMFUL',
    model,
    `Model ${model} is not run on this input in the reference profile: ${why}. Give it more time or memory, or another input.`,
    cause,
  )
const refused = (model: string, why: string) =>
  new InferenceError(
    'INFERENCE_REFUSED',
    model,
    `Model ${model} can not be run in the reference profile (${REFERENCE}): ${why}.`,
  )
