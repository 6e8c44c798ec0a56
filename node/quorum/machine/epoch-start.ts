import { type Certificate, compareRank, rankOf } from '../certificate.ts'
import type { EpochStartProof, MessageOf } from '../messages.ts'
import { type CertificateRank, epochStartSignedBytes } from '../signed-bytes.ts'
import type { Core } from './core.ts'

/**
 * Begins an epoch: everyone tells the leader, signed, how far it had got; the leader answers with Q such words and the
 * highest certificate among them. Q of them always include an honest signer of any commit there may have been, so
 * what was or may have been committed is what the epoch begins from (OCR3, epoch start; PBFT's view change).
 */
export class EpochStart {
  readonly #core: Core
  /** Leader: requests with a valid signature, by oracle. */
  readonly #requests = new Map<number, MessageOf<'epoch-start-request'>>()
  /** Messages per peer since the last tick whose signatures were looked at. */
  readonly #attempts = new Map<number, number>()
  #request: Uint8Array | null = null
  /** The proven start of the current epoch, for those who missed it. */
  #start: Uint8Array | null = null
  /** Peers answered since the last tick. */
  readonly #answered = new Set<number>()

  constructor(core: Core) {
    this.#core = core
  }

  get bytes(): Uint8Array | null {
    return this.#start
  }

  /** The epoch is being left: nothing of it may be sent any more. */
  reset(): void {
    this.#requests.clear()
    this.#attempts.clear()
    this.#answered.clear()
    this.#request = null
    this.#start = null
  }

  /** The epoch is durable: sign and send how far this node had got. */
  begin(): void {
    const { epoch, highest, leader, options } = this.#core
    this.armTimers()
    const rank = rankOf(highest)
    const payload = epochStartSignedBytes(options.digest, epoch, rank)
    this.#core.sign('epoch-start', [BigInt(epoch), 0n], payload, (signature) => {
      if (this.#core.epoch !== epoch) return
      const message = { kind: 'epoch-start-request', epoch, rank, signature, certificate: highest } as const
      this.#request = this.#core.encode(message)
      if (leader === options.self) this.#collect(options.self, message)
      else this.#core.send(leader, this.#request)
    })
  }

  armTimers(): void {
    const { timing } = this.#core.options
    this.#core.setTimer('initial', timing.deltaInitial)
    this.#core.setTimer('progress', timing.deltaProgress)
  }

  resend(): void {
    this.#answered.clear()
    this.#attempts.clear()
    if (this.#core.started || this.#request === null || this.#core.isLeader()) return
    this.#core.send(this.#core.leader, this.#request)
  }

  onRequest(from: number, message: MessageOf<'epoch-start-request'>): void {
    if (!this.#core.isLeader()) {
      this.#core.drop('not-leader', from)
      return
    }
    if (this.#start !== null) {
      // Asking again means that the answer was lost.
      if (this.#answered.has(from)) {
        this.#core.drop('repeated', from)
        return
      }
      this.#answered.add(from)
      this.#core.send(from, this.#start)
      return
    }
    if (this.#tooMany(from)) return
    this.#witness(from, from, message, false)
    if (this.#requests.has(from)) {
      this.#core.drop('repeated', from)
      return
    }
    if (compareRank(rankOf(message.certificate), message.rank) !== 0) {
      this.#core.fault('bad-certificate', from, { message: message.kind })
      return
    }
    const payload = epochStartSignedBytes(this.#core.options.digest, message.epoch, message.rank)
    if (!this.#core.verification.consensus(from, payload, message.signature)) {
      const signed = { bytes: payload, signature: message.signature }
      this.#core.badSignature(from, 'epoch-start', { epoch: message.epoch, seqNr: 0n }, signed)
      return
    }
    this.#collect(from, message)
  }

  /** Verifying costs more than sending: a few attempts per peer and DeltaResend. */
  #tooMany(from: number): boolean {
    const attempts = (this.#attempts.get(from) ?? 0) + 1
    this.#attempts.set(from, attempts)
    if (attempts <= 3) return false
    this.#core.drop('too-many-attempts', from)
    return true
  }

  #collect(from: number, message: MessageOf<'epoch-start-request'>): void {
    this.#requests.set(from, message)
    while (this.#requests.size >= this.#core.quorum && this.#start === null) {
      const [oracle, highest] = this.#highestRequest()
      // Only the certificate that decides is worth verifying; a false one costs its sender the place.
      if (highest.certificate !== null && !this.#core.verifyCertificate(highest.certificate)) {
        this.#requests.delete(oracle)
        this.#core.fault('bad-certificate', oracle, { message: highest.kind })
        continue
      }
      this.#answer(highest.certificate)
    }
  }

  #highestRequest(): [number, MessageOf<'epoch-start-request'>] {
    return [...this.#requests].reduce((a, b) => (compareRank(b[1].rank, a[1].rank) > 0 ? b : a))
  }

  #answer(certificate: Certificate | null): void {
    const proofs: EpochStartProof[] = [...this.#requests]
      .sort(([a], [b]) => a - b)
      .map(([oracle, { rank, signature }]) => ({ oracle, rank, signature }))
    const message = { kind: 'epoch-start', epoch: this.#core.epoch, certificate, proofs } as const
    this.#start = this.#core.encode(message)
    this.#core.broadcast(this.#start)
    this.#begun(certificate)
  }

  /** From the leader, or passed on by anyone: it proves itself. */
  onStart(from: number, message: MessageOf<'epoch-start'>): void {
    if (this.#core.started) {
      this.#core.drop('repeated', from)
      return
    }
    if (this.#tooMany(from)) return
    const problem = this.#problem(message)
    if (problem !== null) {
      this.#core.fault(problem, from, { message: message.kind })
      return
    }
    for (const proof of message.proofs)
      this.#witness(proof.oracle, from, { epoch: message.epoch, ...proof }, true)
    this.#start = this.#core.encode(message)
    this.#begun(message.certificate)
  }

  #witness(
    oracle: number,
    from: number,
    word: { readonly epoch: number; readonly rank: CertificateRank; readonly signature: Uint8Array },
    verified: boolean,
  ): void {
    const { epoch, rank, signature } = word
    const bytes = epochStartSignedBytes(this.#core.options.digest, epoch, rank)
    this.#core.witness.note({
      ...{ oracle, statement: 'epoch-start', epoch, seqNr: 0n, from, signature, verified },
      content: bytes,
      bytes: () => bytes,
    })
  }

  #problem(message: MessageOf<'epoch-start'>): 'bad-certificate' | 'bad-signature' | null {
    const { quorum, options, verification } = this.#core
    const { proofs, certificate } = message
    const rank = rankOf(certificate)
    if (proofs.length < quorum || proofs.some(({ oracle }) => oracle >= options.n)) return 'bad-certificate'
    if (proofs.some((proof) => compareRank(proof.rank, rank) > 0)) return 'bad-certificate'
    if (!proofs.some((proof) => compareRank(proof.rank, rank) === 0)) return 'bad-certificate'
    for (const proof of proofs) {
      const payload = epochStartSignedBytes(options.digest, message.epoch, proof.rank)
      if (!verification.consensus(proof.oracle, payload, proof.signature)) return 'bad-signature'
    }
    if (certificate !== null && !this.#core.verifyCertificate(certificate)) return 'bad-certificate'
    return null
  }

  #begun(certificate: Certificate | null): void {
    this.#core.started = true
    this.#core.cancelTimer('initial')
    this.#core.links.epochStarted(certificate)
  }
}
