import type { Clock } from '../ports/clock.ts'

/** Resolves after `ms` of the clock, or at once when `signal` aborts. Never rejects. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.setTimer(ms, end)
    signal.addEventListener('abort', end, { once: true })
  })
}

/** Doubling delays from `firstMs` up to `maxMs`. */
export function backoffMs(attempt: number, firstMs: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 20))
}

const ATTEMPTS = 4

/**
 * Tries a write up to four times, once even when `signal` has aborted: what waits when the engine stops is written if the
 * database lets it. True when it was written; never rejects.
 */
export async function persistently(
  write: () => Promise<void>,
  options: {
    readonly clock: Clock
    readonly signal: AbortSignal
    readonly onFailure: (error: unknown, attempt: number) => void
  },
): Promise<boolean> {
  const { clock, signal, onFailure } = options
  for (let attempt = 0; attempt === 0 || (attempt < ATTEMPTS && !signal.aborted); attempt++) {
    try {
      await write()
      return true
    } catch (error) {
      onFailure(error, attempt)
      await pause(clock, backoffMs(attempt, 50, 1000), signal)
    }
  }
  return false
}

/** As `work`; rejects with the signal's reason as soon as that aborts. Leaves nothing on the signal when `work` is done. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    const end = () => signal.removeEventListener('abort', abort)
    work.then(
      (value) => {
        end()
        resolve(value)
      },
      (error: unknown) => {
        end()
        reject(error)
      },
    )
  })
}

/** Resolves when `signal` aborts, at once when it has. */
export function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
