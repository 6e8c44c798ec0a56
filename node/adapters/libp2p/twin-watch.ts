/** Further apart than this, two moves are those of a machine that got another address. */
const WINDOW_MS = 600_000
/** From A to B and back, and again: nobody moves like that. */
const RETURNS = 2
/** Not more often than this about one peer. */
const QUIET_MS = 3_600_000

/**
 * Notices that a peer connects from two places in turn, which is what two processes with the same keys look like from
 * outside: each connection that one of them opens takes the place of the other's. Two behind one address look like one.
 */
export class TwinWatch {
  #last: string | null = null
  /** When each host was left for another one. */
  readonly #left = new Map<string, number>()
  #returns: number[] = []
  #toldMs = Number.NEGATIVE_INFINITY

  /** Takes note of a connection with a host. The hosts, when it is time to tell somebody; else null. */
  connected(host: string, nowMs: number): readonly string[] | null {
    const last = this.#last
    this.#last = host
    if (last === null || last === host) return null
    const recent = (atMs: number) => nowMs - atMs < WINDOW_MS
    for (const [place, atMs] of this.#left) if (!recent(atMs)) this.#left.delete(place)
    this.#returns = this.#returns.filter(recent)
    if (this.#left.has(host)) this.#returns.push(nowMs)
    this.#left.set(last, nowMs)
    if (this.#returns.length < RETURNS || nowMs - this.#toldMs < QUIET_MS) return null
    this.#toldMs = nowMs
    return [...new Set([...this.#left.keys(), host])].sort()
  }
}
