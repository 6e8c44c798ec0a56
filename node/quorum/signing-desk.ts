import type { Clock } from '../ports/clock.ts'
import { IyiError } from '../ports/errors.ts'
import type { SigningSlot, ValidatorSigners } from '../ports/signer.ts'
import { QuorumError } from './errors.ts'
import { backoffMs, pause } from './pause.ts'
import { SerialQueue } from './serial.ts'

const MAX_WAITING = 256
const ATTEMPTS = 6

/** Asks the guarded keys, each in the order of the calls: a signer refuses a position below one it has signed. */
export class SigningDesk {
  readonly #signal: AbortSignal
  readonly #modules: { readonly signers: ValidatorSigners; readonly clock: Clock }
  readonly #queues = { consensus: new SerialQueue(MAX_WAITING), report: new SerialQueue(MAX_WAITING) }

  constructor(
    options: { readonly signal: AbortSignal },
    modules: { readonly signers: ValidatorSigners; readonly clock: Clock },
  ) {
    this.#signal = options.signal
    this.#modules = modules
  }

  /** Rejects with `SignerError`, once trying again does not help, or `QUORUM_ABORTED`. */
  sign(key: 'consensus' | 'report', slot: SigningSlot, payload: Uint8Array): Promise<Uint8Array> {
    const done = Promise.withResolvers<Uint8Array>()
    const taken = this.#queues[key].add(() =>
      this.#attempt(key, slot, payload).then(done.resolve, done.reject),
    )
    if (!taken) {
      const data = { purpose: slot.purpose }
      done.reject(
        new QuorumError('QUORUM_ABORTED', 'too many signatures wait; look at the database', { data }),
      )
    }
    return done.promise
  }

  async idle(): Promise<void> {
    await Promise.all([this.#queues.consensus.idle(), this.#queues.report.idle()])
  }

  async #attempt(key: 'consensus' | 'report', slot: SigningSlot, payload: Uint8Array): Promise<Uint8Array> {
    const { signers, clock } = this.#modules
    for (let attempt = 0; ; attempt++) {
      this.#signal.throwIfAborted()
      try {
        return await signers[key].sign(slot, payload)
      } catch (error) {
        if (!(error instanceof IyiError) || !error.retry || attempt + 1 >= ATTEMPTS) throw error
        await pause(clock, backoffMs(attempt, 50, 1000), this.#signal)
      }
    }
  }
}
