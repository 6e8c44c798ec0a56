import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Counter, Metrics } from '../ports/metrics.ts'

/** `lies`: what it sent is not what was asked for; `silent`: it did not answer in time, or went away in the middle. */
export type Trouble = 'lies' | 'silent'

const FIRST_MS = { lies: 60_000, silent: 5_000 } as const
const LAST_MS = { lies: 3_600_000, silent: 300_000 } as const
/** Troubles further apart than this are unrelated. */
const FORGIVE_MS = 3_600_000
/** So long a peer that was slow is asked after those that were not. */
const SLOW_MS = 600_000

interface Record {
  troubles: number
  lastMs: number
  asideUntilMs: number
}

/** Who among the peers is left aside for now, and for how long, doubled with each trouble; and who is asked last. */
export class Standing {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #aside: Counter
  readonly #left: Counter
  readonly #records = new Map<string, Record>()
  readonly #slowUntilMs = new Map<string, number>()

  constructor({ clock, log, metrics }: { clock: Clock; log: Logger; metrics: Metrics }) {
    this.#clock = clock
    this.#log = log
    this.#aside = metrics.counter({
      name: 'iyi_content_peers_aside_total',
      help: 'Times that a peer was left aside: it sent wrong parts, or did not answer in time',
      labels: ['peer', 'reason'],
    })
    this.#left = metrics.counter({
      name: 'iyi_content_peers_left_total',
      help: 'Times that a transfer went on with another peer because this one was slow',
      labels: ['peer'],
    })
  }

  isAside(peer: string): boolean {
    return this.#clock.monotonic() < (this.#records.get(peer)?.asideUntilMs ?? Number.NEGATIVE_INFINITY)
  }

  /** It can be asked, and others go first. */
  isSlow(peer: string): boolean {
    return this.#clock.monotonic() < (this.#slowUntilMs.get(peer) ?? Number.NEGATIVE_INFINITY)
  }

  /** A transfer left it for another peer. */
  slow(peer: string, hash: string): void {
    this.#slowUntilMs.set(peer, this.#clock.monotonic() + SLOW_MS)
    this.#left.inc({ peer })
    this.#log.debug({ peer, hash, slowMs: SLOW_MS }, 'Ask a slow peer after the others for a while')
  }

  blame(peer: string, trouble: Trouble, hash: string): void {
    const nowMs = this.#clock.monotonic()
    const old = this.#records.get(peer)
    const troubles = old === undefined || nowMs - old.lastMs > FORGIVE_MS ? 1 : old.troubles + 1
    const asideMs = Math.min(LAST_MS[trouble], FIRST_MS[trouble] * 2 ** Math.min(troubles - 1, 16))
    const asideUntilMs = Math.max(old?.asideUntilMs ?? 0, nowMs + asideMs)
    this.#records.set(peer, { troubles, lastMs: nowMs, asideUntilMs })
    this.#aside.inc({ peer, reason: trouble })
    if (trouble === 'lies')
      this.#log.warn(
        { peer, hash, asideMs },
        'Ask a peer for no contents for a while: it sent what is not of the content; check with its operator',
      )
    else this.#log.debug({ peer, hash, asideMs }, 'Ask a silent peer for no contents for a while')
  }
}
