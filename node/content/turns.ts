import type { Clock } from '../ports/clock.ts'
import type { ContentPeers } from '../ports/content.ts'
import type { Standing } from './standing.ts'

/** Who did not have it may have it later: in a long transfer it is asked once more, after so many windows. */
const AGAIN_WINDOWS = 30

export interface TurnsModules {
  readonly peers: ContentPeers
  readonly standing: Standing
  readonly clock: Clock
  /** In which a peer must give some parts, in milliseconds. */
  readonly windowMs: number
  /** Uniform in [0, 1): whom to ask first. */
  readonly random: () => number
}

/** Whom one transfer asks, one after another: those that are known to be slow come last. */
export class Turns {
  readonly #modules: TurnsModules
  /** When each had its turn, by the monotonic clock. */
  readonly #asked = new Map<string, number>()

  constructor(modules: TurnsModules) {
    this.#modules = modules
  }

  /** How many had a turn. */
  get asked(): number {
    return this.#asked.size
  }

  /** Whose turn it is; null when nobody is left. */
  next(): string | null {
    const { standing, clock, random } = this.#modules
    const open = this.#open()
    const quick = open.filter((peer) => !standing.isSlow(peer))
    const from = quick.length > 0 ? quick : open
    const peer = from[Math.floor(random() * from.length)] ?? null
    if (peer !== null) this.#asked.set(peer, clock.monotonic())
    return peer
  }

  /** Whether somebody could have a turn who is not known to be slow. */
  hasBetter(than: string): boolean {
    return this.#open().some((peer) => peer !== than && !this.#modules.standing.isSlow(peer))
  }

  /** It was too slow: it has another turn when nobody else has what is wanted. */
  leave(peer: string, hash: string): void {
    this.#modules.standing.slow(peer, hash)
    this.#asked.delete(peer)
  }

  #open(): readonly string[] {
    const { peers, standing, clock, windowMs } = this.#modules
    const sinceMs = clock.monotonic() - AGAIN_WINDOWS * windowMs
    return peers
      .connected()
      .filter(
        (peer) => !standing.isAside(peer) && (this.#asked.get(peer) ?? Number.NEGATIVE_INFINITY) <= sinceMs,
      )
  }
}
