/** A quota: `burst` tokens at most, `ratePerSecond` of them coming back. Full at first. */
export class TokenBucket {
  readonly #ratePerSecond: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  constructor(options: { readonly ratePerSecond: number; readonly burst: number }, nowMs: number) {
    this.#ratePerSecond = options.ratePerSecond
    this.#burst = options.burst
    this.#tokens = options.burst
    this.#atMs = nowMs
  }

  /** Takes the tokens if they are there. `nowMs` never goes back. */
  take(tokens: number, nowMs: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) / 1000) * this.#ratePerSecond)
    this.#atMs = nowMs
    if (this.#tokens < tokens) return false
    this.#tokens -= tokens
    return true
  }
}
