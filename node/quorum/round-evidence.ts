import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { EvidenceRecord, QuorumStore } from '../ports/quorum.ts'
import { persistently } from './pause.ts'
import { SerialQueue } from './serial.ts'

/** Evidence that waits for the database: a record holds a round's observations. */
const MAX_WAITING = 256

/**
 * Keeps the evidence of rounds. The contract waits for the report, nobody for the evidence: a slow database must not make
 * the report late, so the oldest record gives way.
 */
export class RoundEvidence {
  readonly #options: {
    readonly signal: AbortSignal
    /** A record could not be kept. */
    readonly onLost: (data: Readonly<Record<string, unknown>>) => void
  }
  readonly #modules: { readonly store: QuorumStore; readonly clock: Clock; readonly log: Logger }
  readonly #queue: SerialQueue

  constructor(
    options: {
      readonly signal: AbortSignal
      readonly onLost: (data: Readonly<Record<string, unknown>>) => void
    },
    modules: { readonly store: QuorumStore; readonly clock: Clock; readonly log: Logger },
  ) {
    this.#options = options
    this.#modules = modules
    this.#queue = new SerialQueue(MAX_WAITING, () =>
      options.onLost({ reason: 'the database is too slow; the oldest record gives way' }),
    )
  }

  add(record: Omit<EvidenceRecord, 'recordedAt'>): void {
    const recordedAt = this.#modules.clock.now()
    this.#queue.add(() => this.#save({ ...record, recordedAt }))
  }

  idle(): Promise<void> {
    return this.#queue.idle()
  }

  async #save(record: EvidenceRecord): Promise<void> {
    const { store, clock, log } = this.#modules
    const seqNr = record.seqNr.toString()
    const kept = await persistently(() => store.saveEvidence(record), {
      clock,
      signal: this.#options.signal,
      onFailure: (error, attempt) => log.warn({ seqNr, error, attempt }, 'saving evidence failed'),
    })
    if (!kept) this.#options.onLost({ seqNr, reason: 'it could not be written' })
  }
}
