import type { Clock } from '../../node/ports/clock.ts'

/** Time that passes only through timers: each fires in a later turn of the event loop, and moves the clock by its delay. */
export function instantClock(start = 1_700_000_000_000): Clock {
  let elapsed = 0
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    setTimer: (delayMs, fire) => {
      const turn = setImmediate(() => {
        elapsed += delayMs
        fire()
      })
      return { cancel: () => clearImmediate(turn) }
    },
  }
}
