import type { Hex } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { QuorumSnapshot, QuorumStore } from '../ports/quorum.ts'
import { QuorumError } from './errors.ts'
import type { Instruments } from './instruments.ts'
import { backoffMs, pause } from './pause.ts'

interface Batch {
  change: Partial<QuorumSnapshot>
  readonly waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[]
}

interface PersisterModules {
  readonly store: QuorumStore
  readonly clock: Clock
  readonly log: Logger
  readonly instruments: Instruments
}

interface PersisterOptions {
  readonly instance: Hex
  readonly signal: AbortSignal
}

/**
 * Writes the machine's state in order, one write at a time; what comes meanwhile is merged into the next. A failing
 * database is tried until it works or the engine stops: until then nothing that depends on the write is said.
 */
export class Persister {
  readonly #options: PersisterOptions
  readonly #modules: PersisterModules
  #next: Batch | null = null
  #running = false
  /** Failures in a row. */
  #failures = 0

  constructor(options: PersisterOptions, modules: PersisterModules) {
    this.#options = options
    this.#modules = modules
  }

  /** True while the last attempt to write failed. */
  get failing(): boolean {
    return this.#failures > 0
  }

  /** Resolves once durable; rejects with `QUORUM_ABORTED` when the engine stops first. */
  save(change: Partial<QuorumSnapshot>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#next ??= { change: {}, waiting: [] }
      this.#next.change = { ...this.#next.change, ...change }
      this.#next.waiting.push({ resolve, reject })
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    for (let batch = this.#take(); batch !== null; batch = this.#take()) {
      const written = await this.#write(batch)
      for (const { resolve, reject } of batch.waiting) written ? resolve() : reject(aborted())
    }
    this.#running = false
  }

  #take(): Batch | null {
    const batch = this.#next
    this.#next = null
    return batch
  }

  async #write(batch: Batch): Promise<boolean> {
    const { instance, signal } = this.#options
    const { store, clock, log, instruments } = this.#modules
    while (!signal.aborted) {
      try {
        await store.save(instance, batch.change)
        this.#failures = 0
        return true
      } catch (error) {
        log.warn(
          { error, failures: ++this.#failures },
          'saving protocol state failed; the protocol waits for it',
        )
        instruments.saveRetry()
        await pause(clock, backoffMs(this.#failures - 1, 50, 5000), signal)
        this.#merge(batch)
      }
    }
    return false
  }

  /** What came while the write failed goes with it. */
  #merge(batch: Batch): void {
    const more = this.#take()
    if (more === null) return
    batch.change = { ...batch.change, ...more.change }
    batch.waiting.push(...more.waiting)
  }
}

function aborted(): QuorumError {
  return new QuorumError('QUORUM_ABORTED', 'the engine stopped before the write succeeded; start it again', {
    data: {},
  })
}
