import type { Clock } from '../ports/clock.ts'

/** Waits `ms`, or until `signal` aborts. */
export function pauseUntil(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      done()
    }
    const timer = clock.setTimer(ms, end)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end)
  })
}

/** 100 ms, doubling, at most half a minute. `attempt` counts from 1. */
export function backoffMs(attempt: number): number {
  return Math.min(100 * 2 ** Math.min(attempt - 1, 20), 30_000)
}
