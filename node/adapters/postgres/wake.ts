import type { Clock } from '../../ports/clock.ts'

/** A flag that one loop sleeps on. Raising it while nobody sleeps makes the next sleep return at once. */
export class Wake {
  #raised = false
  #sleeper: (() => void) | null = null

  raise(): void {
    this.#raised = true
    this.#sleeper?.()
  }

  async sleep(): Promise<void> {
    if (!this.#raised) {
      await new Promise<void>((done) => {
        this.#sleeper = done
      })
      this.#sleeper = null
    }
    this.#raised = false
  }
}

/** Waits `ms`, or until `signal` aborts. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      timer.cancel()
      signal?.removeEventListener('abort', end)
      done()
    }
    const timer = clock.setTimer(ms, end)
    if (signal?.aborted === true) end()
    else signal?.addEventListener('abort', end)
  })
}

/** 100 ms, doubling, at most `limitMs`. `attempt` counts from 1. */
export function backoffMs(attempt: number, limitMs: number): number {
  return Math.min(100 * 2 ** Math.min(attempt - 1, 20), limitMs)
}
