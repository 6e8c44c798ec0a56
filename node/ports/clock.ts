/** A pending timer; cancelling one that fired is a no-op. */
export interface Timer {
  cancel(): void
}

/** Time, injected so that protocol logic can run in virtual time. */
export interface Clock {
  /** Wall clock, Unix milliseconds. May jump. */
  now(): number
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonic(): number
  setTimer(delayMs: number, fire: () => void): Timer
}
