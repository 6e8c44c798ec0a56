import type { InferencePriority } from '../ports/inference.ts'

const FIRST_MS = 1_000
const LAST_MS = 300_000
/** Without harm for so long, the next one counts as the first. */
const FORGET_MS = 3_600_000
const MAX_INPUTS = 1_024

interface Penalty {
  readonly until: number
  readonly lastMs: number
}

/**
 * What did harm to a worker (took too long, too much memory, or ended it) is kept from doing so again: the same input is
 * refused, and the model rests, for twice as long after each time. Duties and the API rest apart, so that nobody can
 * silence a duty through the API.
 */
export class Penalties {
  readonly #penalties = new Map<string, Penalty>()
  readonly #inputs = new Set<string>()

  /** @param input of `inputDigest`, where there is one */
  harmed(digest: string, priority: InferencePriority, input: string | null, now: number): number {
    const key = `${digest} ${priority}`
    const before = this.#penalties.get(key)
    const lastMs =
      before === undefined || now - before.until > FORGET_MS ? FIRST_MS : Math.min(before.lastMs * 2, LAST_MS)
    this.#penalties.set(key, { until: now + lastMs, lastMs })
    if (input !== null) this.#inputs.add(`${digest} ${input}`)
    for (const oldest of this.#inputs) {
      if (this.#inputs.size <= MAX_INPUTS) break
      this.#inputs.delete(oldest)
    }
    return lastMs
  }

  /** Milliseconds for which a model rests still; 0 when it does not. */
  restMs(digest: string, priority: InferencePriority, now: number): number {
    return Math.max(0, (this.#penalties.get(`${digest} ${priority}`)?.until ?? 0) - now)
  }

  isHarmful(digest: string, input: string): boolean {
    return this.#inputs.has(`${digest} ${input}`)
  }
}
