import type { Participation } from '../ports/quorum.ts'

/** Rounds that the numbers are about. */
const WINDOW = 256
/** Rounds for which votes may still arrive. */
const RECENT = 16

interface Seat {
  /** By round of the window: was there an observation of it; did its prepare arrive, and how late (milliseconds). */
  readonly observed: Map<bigint, boolean>
  readonly lateness: Map<bigint, number>
  readonly faults: Map<string, number>
}

/** How often, and how late, each validator takes part: of one configuration, as this node sees it. */
export class ParticipationLog {
  readonly #seats: readonly Seat[]
  /** When the quorum of prepares was complete, of the latest rounds. */
  readonly #preparedAt = new Map<bigint, number>()
  readonly #early = new Map<bigint, Set<number>>()
  #lastPrepared = 0n

  readonly #told: { onObserved(oracle: number): void; onVoted(oracle: number, latenessMs: number): void }

  /** `told` hears of each as it is counted. */
  constructor(
    n: number,
    told: { onObserved(oracle: number): void; onVoted(oracle: number, latenessMs: number): void },
  ) {
    this.#told = told
    this.#seats = Array.from({ length: n }, () => ({
      observed: new Map(),
      lateness: new Map(),
      faults: new Map(),
    }))
  }

  /** Times are of one monotonic clock, milliseconds. */
  prepared(seqNr: bigint, nowMs: number): void {
    if (seqNr <= this.#lastPrepared) return
    this.#lastPrepared = seqNr
    remember(this.#preparedAt, seqNr, nowMs, RECENT)
    for (const oracle of this.#early.get(seqNr) ?? []) this.#late(oracle, seqNr, 0)
    this.#early.clear()
  }

  voted(oracle: number, seqNr: bigint, nowMs: number): void {
    const preparedAt = this.#preparedAt.get(seqNr)
    if (preparedAt !== undefined) {
      this.#late(oracle, seqNr, nowMs - preparedAt)
      return
    }
    // Of a round long past: its sender says what it likes.
    if (seqNr <= this.#lastPrepared) return
    const early = this.#early.get(seqNr) ?? new Set<number>()
    early.add(oracle)
    this.#early.set(seqNr, early)
    if (this.#early.size <= RECENT) return
    // The round that is on is the highest.
    const [lowest = seqNr] = [...this.#early.keys()].sort((a, b) => Number(a - b))
    this.#early.delete(lowest)
  }

  /** The first vote of a round counts. */
  #late(oracle: number, seqNr: bigint, latenessMs: number): void {
    const seat = this.#seats[oracle]
    if (seat === undefined || seat.lateness.has(seqNr)) return
    remember(seat.lateness, seqNr, latenessMs, WINDOW)
    this.#told.onVoted(oracle, latenessMs)
  }

  /** An outcome whose proposal this node saw. */
  committed(seqNr: bigint, observers: readonly number[]): void {
    const seen = new Set(observers)
    for (const oracle of seen) this.#told.onObserved(oracle)
    this.#seats.forEach((seat, oracle) => {
      remember(seat.observed, seqNr, seen.has(oracle), WINDOW)
    })
  }

  fault(oracle: number, code: string): void {
    const faults = this.#seats[oracle]?.faults
    faults?.set(code, (faults.get(code) ?? 0) + 1)
  }

  /** `self` votes in its own rounds without a message to itself. */
  of(oracle: number, self: number): Participation {
    const seat = this.#seats[oracle]
    if (seat === undefined) return NOTHING_SEEN
    const rounds = [...seat.observed.keys()]
    const late = rounds.flatMap((seqNr) => seat.lateness.get(seqNr) ?? [])
    const sum = late.reduce((a, b) => a + b, 0)
    return {
      rounds: rounds.length,
      observed: [...seat.observed.values()].filter(Boolean).length,
      voted: oracle === self ? rounds.length : late.length,
      latenessMs: late.length === 0 ? null : { mean: sum / late.length, max: Math.max(...late) },
      faults: Object.fromEntries(seat.faults),
    }
  }
}

export const NOTHING_SEEN: Participation = { rounds: 0, observed: 0, voted: 0, latenessMs: null, faults: {} }

function remember<V>(map: Map<bigint, V>, key: bigint, value: V, limit: number): void {
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= limit) return
    map.delete(oldest)
  }
}
