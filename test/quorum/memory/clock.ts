import type { Clock, Timer } from '../../../node/ports/clock.ts'

interface Pending {
  readonly at: number
  readonly order: number
  readonly fire: () => void
}

/** Time that passes only when told to; between two timers all promises settle. */
export class VirtualClock implements Clock {
  #now = 0
  #order = 0
  readonly #pending = new Set<Pending>()

  now(): number {
    return 1_700_000_000_000 + this.#now
  }

  monotonic(): number {
    return this.#now
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const pending = { at: this.#now + delayMs, order: this.#order++, fire }
    this.#pending.add(pending)
    return { cancel: () => void this.#pending.delete(pending) }
  }

  #next(untilMs: number): Pending | undefined {
    let next: Pending | undefined
    for (const each of this.#pending) {
      if (each.at > untilMs) continue
      if (next === undefined || each.at < next.at || (each.at === next.at && each.order < next.order))
        next = each
    }
    return next
  }

  /** True as soon as `done`, false once `ms` have passed. */
  async run(ms: number, done: () => boolean = () => false): Promise<boolean> {
    const end = this.#now + ms
    await settle()
    while (!done()) {
      const next = this.#next(end)
      if (next === undefined) {
        this.#now = end
        return done()
      }
      this.#pending.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.fire()
      await settle()
    }
    return true
  }
}

/** Lets every chain of promises that needs no timer run to its end. */
async function settle(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve))
}
