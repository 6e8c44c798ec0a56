import type { Clock } from '../../ports/clock.ts'

/** How far back the rate of requests is measured. */
const WINDOW_SECONDS = 10

/**
 * Counts the requests to one provider and, where the operator set a limit, spaces them: a token bucket that holds one
 * second's worth.
 */
export class RequestBudget {
  readonly limit: number | null
  readonly #clock: Clock
  readonly #counts = new Array<number>(WINDOW_SECONDS + 1).fill(0)
  #second = 0
  #tokens: number
  #filledMs: number
  total = 0

  constructor({ requestsPerSecond }: { requestsPerSecond: number | null }, { clock }: { clock: Clock }) {
    this.limit = requestsPerSecond
    this.#clock = clock
    this.#tokens = this.#capacity
    this.#filledMs = clock.monotonic()
    this.#second = Math.floor(this.#filledMs / 1_000)
  }

  /**
   * Takes one request, or says in how many milliseconds to ask again. `reserve`: share of the bucket that is left to
   * others, 0 to 1.
   */
  take(reserve = 0): number {
    const now = this.#clock.monotonic()
    if (this.limit !== null) {
      this.#tokens = Math.min(this.#capacity, this.#tokens + ((now - this.#filledMs) * this.limit) / 1_000)
      this.#filledMs = now
      const needed = Math.min(this.#capacity, 1 + reserve * this.#capacity)
      if (this.#tokens < needed) return Math.max(1, Math.ceil(((needed - this.#tokens) * 1_000) / this.limit))
      this.#tokens -= 1
    }
    this.total += 1
    this.#roll(now)
    this.#counts[this.#second % this.#counts.length] =
      (this.#counts[this.#second % this.#counts.length] ?? 0) + 1
    return 0
  }

  /** Whether a request would have to wait. */
  get spent(): boolean {
    if (this.limit === null) return false
    return this.#tokens + ((this.#clock.monotonic() - this.#filledMs) * this.limit) / 1_000 < 1
  }

  /** Requests a second, over the last ten whole seconds. */
  get perSecond(): number {
    this.#roll(this.#clock.monotonic())
    const current = this.#second % this.#counts.length
    const whole = this.#counts.reduce((sum, count, at) => (at === current ? sum : sum + count), 0)
    return whole / WINDOW_SECONDS
  }

  /** A bucket smaller than one request would never fill. */
  get #capacity(): number {
    return Math.max(1, this.limit ?? 1)
  }

  #roll(now: number): void {
    const second = Math.floor(now / 1_000)
    const passed = Math.min(second - this.#second, this.#counts.length)
    for (let step = 1; step <= passed; step++) this.#counts[(this.#second + step) % this.#counts.length] = 0
    this.#second = second
  }
}
