import type { Clock } from '../../ports/clock.ts'

/**
 * Spreads bytes over time: at most `bytesPerSecond` in the long run and `burst` of them at once (GCRA, ITU-T I.371). Whoever
 * is too fast waits; nothing is refused.
 */
export class Pace {
  readonly #msPerByte: number
  readonly #burstMs: number
  readonly #clock: Clock
  /** When all that was let through would have gone out at the steady rate. */
  #dueMs = Number.NEGATIVE_INFINITY

  constructor(
    options: { readonly bytesPerSecond: number; readonly burst: number },
    { clock }: { clock: Clock },
  ) {
    this.#msPerByte = 1_000 / options.bytesPerSecond
    this.#burstMs = options.burst * this.#msPerByte
    this.#clock = clock
  }

  /** Milliseconds until these bytes may go; they count from now on. */
  delayFor(bytes: number): number {
    const nowMs = this.#clock.monotonic()
    this.#dueMs = Math.max(this.#dueMs, nowMs) + bytes * this.#msPerByte
    return Math.max(0, this.#dueMs - nowMs - this.#burstMs)
  }
}
