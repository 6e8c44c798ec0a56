import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { ConfigFields, Offence, QuorumStore } from '../ports/quorum.ts'
import { offenceId } from './offence.ts'
import { persistently } from './pause.ts'
import { SerialQueue } from './serial.ts'

/** Offences of one culprit and kind that are written at once; beyond them one in `REFILL_MS`. */
const BURST = 4
const REFILL_MS = 10_000
/** More than all others can burst at once: 30 culprits, three kinds. */
const MAX_WAITING = 512

interface OffenceLogOptions {
  readonly dutyId: string
  readonly configDigest: `0x${string}`
  /** The configuration with this digest; null when there is none. */
  readonly configurationOf: (digest: `0x${string}`) => ConfigFields | null
  readonly signal: AbortSignal
  /** One could not be kept. */
  readonly onLost: (data: Readonly<Record<string, unknown>>) => void
}

/** Keeps offences, without letting whoever commits them fill the disk or the queue of the others. */
export class OffenceLog {
  readonly #options: OffenceLogOptions
  readonly #modules: { readonly store: QuorumStore; readonly clock: Clock; readonly log: Logger }
  readonly #queue = new SerialQueue(MAX_WAITING)
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>()

  constructor(
    options: OffenceLogOptions,
    modules: { readonly store: QuorumStore; readonly clock: Clock; readonly log: Logger },
  ) {
    this.#options = options
    this.#modules = modules
  }

  add(offence: Offence): void {
    if (!this.#mayWrite(`${offence.oracle}/${offence.offence}`)) return
    const taken = this.#queue.add(() => this.#save(offence))
    if (!taken) this.#options.onLost({ oracle: offence.oracle, reason: 'too many wait for the database' })
  }

  idle(): Promise<void> {
    return this.#queue.idle()
  }

  #mayWrite(key: string): boolean {
    const now = this.#modules.clock.monotonic()
    const bucket = this.#buckets.get(key) ?? { tokens: BURST, atMs: now }
    const refilled = Math.floor((now - bucket.atMs) / REFILL_MS)
    bucket.tokens = Math.min(BURST, bucket.tokens + refilled)
    bucket.atMs += refilled * REFILL_MS
    this.#buckets.set(key, bucket)
    if (bucket.tokens === 0) return false
    bucket.tokens--
    return true
  }

  async #save(offence: Offence): Promise<void> {
    const { dutyId, configDigest, configurationOf, signal, onLost } = this.#options
    const { store, clock, log } = this.#modules
    const configuration = configurationOf(signedDigest(configDigest, offence))
    if (configuration === null) {
      onLost({ oracle: offence.oracle, reason: 'its configuration is not known any more' })
      return
    }
    const id = offenceId(configDigest, offence)
    const record = { ...offence, id, dutyId, configDigest, configuration, recordedAt: clock.now() }
    const kept = await persistently(() => store.saveOffence(record), {
      clock,
      signal,
      onFailure: (error, attempt) =>
        log.warn({ id, error, attempt }, 'keeping evidence of an offence failed'),
    })
    if (!kept) onLost({ oracle: offence.oracle, reason: 'it could not be written' })
  }
}

/** The configuration that the statements are for: a report may go to another contract than the duty's own. */
function signedDigest(own: `0x${string}`, { statement, statements }: Offence): `0x${string}` {
  const bytes = statements[0]?.bytes
  if (statement !== 'report' || bytes === undefined) return own
  return `0x${Buffer.from(bytes.subarray(32, 64)).toString('hex')}`
}
