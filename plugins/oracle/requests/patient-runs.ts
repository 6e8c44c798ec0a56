import type { Clock } from '../../../node/ports/clock.ts'
import type { RequestResult } from './request-types.ts'

/**
 * A round must not wait for one model: what takes longer is told by a later round. A leader runs models before it asks the others,
 * so that a round takes this twice, and its pins; DeltaProgress has to be 6 s or more.
 */
const WAIT_MS = 1_500
/** A request or dispute that is put off comes again within this, if it comes again. */
const KEPT_MS = 600_000
/** Own trouble may be over by the next time: an input may have come, a model may be taken in again. */
const TROUBLE_MS = 3_000
const MAX_KEPT = 256

interface Kept {
  readonly result: Promise<RequestResult>
  /** Of the clock's monotonic time; null while it is not there. */
  until: number | null
}

/** Runs of models that outlive the round which asked for them, so that the next one has their results at once. */
export class PatientRuns {
  readonly #clock: Clock
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The result of `run`, which never rejects, or `unavailable` while it is not there. Begins it once for a key. */
  async result(key: string, run: () => Promise<RequestResult>): Promise<RequestResult> {
    const before = this.#kept.get(key)
    const isOver = before?.until != null && before.until < this.#clock.monotonic()
    const { result } = before === undefined || isOver ? this.#begin(key, run) : before
    const { promise: late, resolve } = Promise.withResolvers<RequestResult>()
    const timer = this.#clock.setTimer(WAIT_MS, () => resolve({ kind: 'abstained', reason: 'unavailable' }))
    try {
      return await Promise.race([result, late])
    } finally {
      timer.cancel()
    }
  }

  #begin(key: string, run: () => Promise<RequestResult>): Kept {
    const kept: Kept = { result: run(), until: null }
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break
      this.#kept.delete(oldest)
    }
    void kept.result.then((result) => {
      const isTrouble = result.kind === 'abstained' && result.reason === 'unavailable'
      kept.until = this.#clock.monotonic() + (isTrouble ? TROUBLE_MS : KEPT_MS)
    })
    return kept
  }
}
