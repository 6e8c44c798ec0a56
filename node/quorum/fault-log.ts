import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Instruments } from './instruments.ts'
import type { FaultCode } from './machine/effects.ts'
import type { ParticipationLog } from './participation.ts'

/** What the machine finds, or the driver about itself. */
export interface Fault {
  readonly code: FaultCode | 'evidence-lost' | 'outcome-lost'
  /** The culprit; null when it is this node, or when it does not show. */
  readonly oracle: number | null
  readonly data: Readonly<Record<string, unknown>>
}

/** One line per fault code and culprit in this time. */
const SILENT_MS = 10_000

/** Counts every fault and logs each kind now and then: a peer must not fill this node's disk. */
export class FaultLog {
  readonly #modules: {
    readonly clock: Clock
    readonly log: Logger
    readonly instruments: Instruments
  }
  readonly #participation: ParticipationLog
  readonly #own = new Map<string, number>()
  readonly #told = new Map<string, { readonly at: number; silent: number }>()

  constructor(
    participation: ParticipationLog,
    modules: { readonly clock: Clock; readonly log: Logger; readonly instruments: Instruments },
  ) {
    this.#participation = participation
    this.#modules = modules
  }

  /** Breaches of this node's own part, by code. */
  get own(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#own)
  }

  add({ code, oracle, data }: Fault): void {
    const { instruments, clock, log } = this.#modules
    // Two validators differ, and it does not show which of them is wrong.
    const culprit = oracle ?? (code === 'divergent-inputs' ? 'unknown' : 'self')
    instruments.fault(code, culprit)
    if (oracle !== null) this.#participation.fault(oracle, code)
    else if (culprit === 'self') this.#own.set(code, (this.#own.get(code) ?? 0) + 1)
    const key = `${code}/${culprit}`
    const last = this.#told.get(key)
    const now = clock.monotonic()
    if (last !== undefined && now - last.at < SILENT_MS) {
      last.silent++
      return
    }
    this.#told.set(key, { at: now, silent: 0 })
    log.warn({ ...data, code, oracle: culprit, notLogged: last?.silent ?? 0 }, 'saw a fault')
  }
}
