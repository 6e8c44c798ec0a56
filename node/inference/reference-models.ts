import type { Clock, Timer } from '../ports/clock.ts'
import { type InferenceBackend, REFERENCE } from '../ports/inference-backend.ts'
import { InferenceError } from '../ports/inference-error.ts'
import type { Logger } from '../ports/log.ts'
import { ModelSlot, type Run } from './model-slot.ts'

/** Disputes come seldom, and then several attempts at one follow each other. */
const IDLE_MS = 600_000

interface Kept {
  readonly opening: Promise<ModelSlot>
  timer: Timer
}

/** Models opened a second time, in the profile in which disputes are settled, for as long as somebody asks for it. */
export class ReferenceModels {
  readonly #modules: {
    readonly backends: readonly InferenceBackend[]
    readonly run: Run
    readonly log: Logger
    readonly clock: Clock
  }
  readonly #kept = new Map<string, Kept>()

  constructor(modules: {
    backends: readonly InferenceBackend[]
    run: Run
    log: Logger
    clock: Clock
  }) {
    this.#modules = modules
  }

  /** Verified and tested against its goldens as every model is. Rejects with `INFERENCE_REFUSED`. */
  async of({ entry, root }: ModelSlot): Promise<ModelSlot> {
    const { clock } = this.#modules
    const key = entry.digest
    const before = this.#kept.get(key)
    before?.timer.cancel()
    const opening = before?.opening ?? this.#open(new ModelSlot(entry, root))
    const timer = clock.setTimer(IDLE_MS, () => void this.#close(key))
    this.#kept.set(key, { opening, timer })
    const slot = await opening
    if (slot.refusal !== null) {
      await this.#close(key)
      throw new InferenceError(
        'INFERENCE_REFUSED',
        entry.id,
        `Model ${entry.id} can not be run in the reference profile: ${slot.refusal}.`,
      )
    }
    return slot
  }

  /** No more are closed by time. */
  stop(): void {
    for (const { timer } of this.#kept.values()) timer.cancel()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((key) => this.#close(key)))
  }

  async #open(slot: ModelSlot): Promise<ModelSlot> {
    const { backends, run, log } = this.#modules
    await slot.open({ providers: [REFERENCE] }, { backends, run, log, providerFailed: () => {} })
    return slot
  }

  async #close(key: string): Promise<void> {
    const kept = this.#kept.get(key)
    this.#kept.delete(key)
    kept?.timer.cancel()
    await (await kept?.opening)?.close()
  }
}
