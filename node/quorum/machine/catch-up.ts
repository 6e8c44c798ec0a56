import type { Certificate } from '../certificate.ts'
import type { MessageOf } from '../messages.ts'
import type { Core } from './core.ts'
import type { RoundInputs } from './effects.ts'

/** Helps validators that missed something, this one or others, to the last committed outcome and the epoch's start. */
export class CatchUp {
  readonly #core: Core
  readonly #epochStart: () => Uint8Array | null
  readonly #inputsOf: (certificate: Certificate) => RoundInputs | null
  /** Highest committed sequence number that each peer's messages imply. Claims, not facts. */
  readonly #claims: bigint[]
  readonly #pushed = new Set<number>()
  readonly #startSent = new Set<number>()
  readonly #failures: number[]
  #rotation = 0
  #ticksNotStarted = 0

  constructor(
    core: Core,
    sources: {
      readonly epochStart: () => Uint8Array | null
      readonly inputsOf: (certificate: Certificate) => RoundInputs | null
    },
  ) {
    this.#core = core
    this.#epochStart = sources.epochStart
    this.#inputsOf = sources.inputsOf
    this.#claims = new Array<bigint>(core.options.n).fill(0n)
    this.#failures = new Array<number>(core.options.n).fill(0)
  }

  claim(from: number, seqNr: bigint): void {
    if (seqNr > (this.#claims[from] ?? 0n)) this.#claims[from] = seqNr
  }

  request(from: readonly number[]): void {
    const { epoch, started, committedSeqNr, options } = this.#core
    const bytes = this.#core.encode({ kind: 'outcome-request', epoch, started, seqNr: committedSeqNr })
    // f+1 of them: one is honest.
    const others = from.filter((oracle) => oracle !== options.self)
    for (let i = 0; i < Math.min(others.length, options.f + 1); i++) {
      const to = others[(this.#rotation + i) % others.length]
      if (to !== undefined) this.#core.send(to, bytes)
    }
    this.#rotation++
  }

  #everyone(): number[] {
    return Array.from({ length: this.#core.options.n }, (_, oracle) => oracle)
  }

  /** Every DeltaResend. */
  tick(): void {
    this.#pushed.clear()
    this.#startSent.clear()
    this.#failures.fill(0)
    const { started, epoch, committedSeqNr, options } = this.#core
    this.#ticksNotStarted = started || epoch === 0 ? 0 : this.#ticksNotStarted + 1
    const ahead = this.#everyone().filter((oracle) => (this.#claims[oracle] ?? 0n) > committedSeqNr)
    // f+1 claims: one of them is honest, so there is something to catch up with.
    if (ahead.length > options.f) {
      this.request(ahead)
      return
    }
    if (this.#ticksNotStarted > 1) this.request(this.#everyone())
  }

  onRequest(from: number, message: MessageOf<'outcome-request'>): void {
    if (message.seqNr < this.#core.committedSeqNr) this.push(from)
    const start = this.#epochStart()
    if (start === null || message.started || message.epoch !== this.#core.epoch || this.#startSent.has(from))
      return
    this.#startSent.add(from)
    this.#core.send(from, start)
  }

  /** At most one outcome per peer and tick: they can be large. */
  push(peer: number): void {
    const { committed, options } = this.#core
    if (committed === null || peer === options.self || this.#pushed.has(peer)) return
    this.#pushed.add(peer)
    this.#core.send(peer, this.#core.encode({ kind: 'outcome-response', certificate: committed }))
  }

  onResponse(from: number, message: MessageOf<'outcome-response'>): void {
    const { certificate } = message
    if (certificate.seqNr <= this.#core.committedSeqNr) {
      this.#core.drop('late', from)
      return
    }
    if ((this.#failures[from] ?? 0) > 1) {
      this.#core.drop('too-many-attempts', from)
      return
    }
    if (certificate.kind !== 'commit' || !this.#core.verifyCertificate(certificate)) {
      this.#failures[from] = (this.#failures[from] ?? 0) + 1
      this.#core.fault('bad-certificate', from, { message: message.kind })
      return
    }
    this.claim(from, certificate.seqNr)
    this.#core.links.adopt(certificate, this.#inputsOf(certificate))
  }
}
