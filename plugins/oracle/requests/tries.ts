import type { Hex } from '../../../node/ports/chain.ts'

/** More than a flood leaves behind within the time that its requests wait for; beyond that the oldest count as new. */
const MOST = 32_768

/** How often something was tried, as this node saw it. What was done is not asked about again. */
export class Tries<K extends bigint | Hex> {
  /** Oldest first. */
  readonly #counts = new Map<K, number>()

  of(what: K): number {
    return this.#counts.get(what) ?? 0
  }

  /** How often in vain: a model may take longer than its first round, and the second has what it gave. */
  inVain(what: K): number {
    return Math.max(0, this.of(what) - 1)
  }

  note(tried: Iterable<K>): void {
    for (const what of tried) {
      const count = this.of(what)
      this.#counts.delete(what)
      this.#counts.set(what, count + 1)
    }
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size <= MOST) break
      this.#counts.delete(oldest)
    }
  }
}
