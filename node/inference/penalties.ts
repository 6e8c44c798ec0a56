import type { InferencePriority } from '../ports/inference.ts'

const FIRST_MS = 1_000
const LAST_MS = 300_000
/** Without harm for so long, the next one counts as the first. */
const FORGET_MS = 3_600_000
const MAX_INPUTS = 1_024

/** What a run did: `limit` is too much time or memory; `crash` an end that may have had another cause. */
export type Harm = 'limit' | 'crash'

interface Penalty {
  readonly until: number
  readonly lastMs: number
}

/**
 * What did harm to a worker is kept from doing so again: the same input is refused, and the model rests, for twice as long
 * after each time. A crash counts from the second on: the first may have been the machine's. Duties, requests and the API
 * are judged apart, so that nobody can silence a duty through a request or the API.
 */
export class Penalties {
  readonly #penalties = new Map<string, Penalty>()
  /** By model, priority and input: when it did harm, and whether that was enough to refuse it. */
  readonly #inputs = new Map<string, { readonly at: number; readonly refused: boolean }>()

  /**
   * @param input of `inputDigest`, where there is one
   * @returns for how many milliseconds the model rests; 0: not at all
   */
  harmed(digest: string, priority: InferencePriority, input: string | null, harm: Harm, now: number): number {
    const key = `${digest} ${priority}`
    const before = this.#penalties.get(key)
    const known = before !== undefined && now - before.until <= FORGET_MS
    const forgiven = harm === 'crash' && !known
    const lastMs = forgiven ? FIRST_MS / 2 : known ? Math.min(before.lastMs * 2, LAST_MS) : FIRST_MS
    const restMs = forgiven ? 0 : lastMs
    this.#penalties.set(key, { until: now + restMs, lastMs })
    if (input !== null) this.#note(`${key} ${input}`, harm, now)
    return restMs
  }

  /** Milliseconds for which a model rests still; 0 when it does not. */
  restMs(digest: string, priority: InferencePriority, now: number): number {
    return Math.max(0, (this.#penalties.get(`${digest} ${priority}`)?.until ?? 0) - now)
  }

  isHarmful(digest: string, priority: InferencePriority, input: string, now: number): boolean {
    const found = this.#inputs.get(`${digest} ${priority} ${input}`)
    return found?.refused === true && now - found.at <= FORGET_MS
  }

  #note(key: string, harm: Harm, now: number): void {
    const before = this.#inputs.get(key)
    this.#inputs.delete(key)
    this.#inputs.set(key, { at: now, refused: harm === 'limit' || before !== undefined })
    for (const oldest of this.#inputs.keys()) {
      if (this.#inputs.size <= MAX_INPUTS) break
      this.#inputs.delete(oldest)
    }
  }
}
