import type { Clock } from '../ports/clock.ts'
import { IyiError } from '../ports/errors.ts'
import type { SigningSlot, ValidatorSigners } from '../ports/signer.ts'
import { QuorumError } from './errors.ts'
import { backoffMs, pause } from './pause.ts'
import { SerialQueue } from './serial.ts'

const MAX_WAITING = 256
const ATTEMPTS = 6

type Position = SigningSlot['position']

/**
 * Asks the guarded keys, each in the order of the calls: a signer refuses a position below one it has signed. What the
 * protocol wanted signed and has gone beyond meanwhile is passed over, so that a slow signer is late by what it signs now
 * and not by all that it was ever asked. Reports are all signed: each of them may be awaited.
 */
export class SigningDesk {
  readonly #signal: AbortSignal
  readonly #modules: { readonly signers: ValidatorSigners; readonly clock: Clock }
  /** Of the consensus key, by purpose: the highest position asked for. */
  readonly #newest = new Map<string, Position>()
  readonly #queues = { consensus: new SerialQueue(MAX_WAITING), report: new SerialQueue(MAX_WAITING) }

  constructor(
    options: { readonly signal: AbortSignal },
    modules: { readonly signers: ValidatorSigners; readonly clock: Clock },
  ) {
    this.#signal = options.signal
    this.#modules = modules
  }

  /**
   * Rejects with `SignerError`, at once or when trying again has not helped, `QUORUM_SUPERSEDED`, `QUORUM_ABORTED` when too
   * many wait, or the reason of the signal.
   */
  sign(key: 'consensus' | 'report', slot: SigningSlot, payload: Uint8Array): Promise<Uint8Array> {
    if (key === 'consensus') this.#newest.set(slot.purpose, slot.position)
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
      if (key === 'consensus') this.#throwIfSuperseded(slot)
      try {
        return await signers[key].sign(slot, payload)
      } catch (error) {
        if (!(error instanceof IyiError) || !error.retry || attempt + 1 >= ATTEMPTS) throw error
        await pause(clock, backoffMs(attempt, 50, 1000), this.#signal)
      }
    }
  }

  #throwIfSuperseded({ purpose, position: [epoch, seqNr] }: SigningSlot): void {
    const newest = this.#newest.get(purpose)
    if (newest === undefined || (newest[0] === epoch && newest[1] === seqNr)) return
    throw new QuorumError('QUORUM_SUPERSEDED', `another ${purpose} is to be signed by now`, {
      data: { purpose },
    })
  }
}
