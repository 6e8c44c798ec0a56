import { hexToBytes } from 'viem'
import type { AttestedReport } from '../../ports/quorum.ts'
import type { Certificate } from '../certificate.ts'
import type { PlacedReport } from '../digest.ts'
import type { MessageOf } from '../messages.ts'
import { type Core, reasonOf } from './core.ts'
import type { RoundInputs } from './effects.ts'
import { Votes } from './votes.ts'

interface Open {
  readonly certificate: Certificate
  readonly inputs: RoundInputs | null
  readonly reports: readonly PlacedReport[]
  readonly digests: readonly Uint8Array[]
  readonly votes: Votes<readonly Uint8Array[]>
  /** Own signatures, for resending. */
  message: Uint8Array | null
  attested: boolean
}

/** Sequence numbers whose reports are still of interest. */
const WINDOW = 32
/** Of those, how many are sent again while not attested. */
const RESENT = 8
/** Signatures of a peer for outcomes not committed here yet. */
const EARLY_PER_PEER = 8

/** Turns a committed outcome into reports that f+1 validators signed. */
export class Attestation {
  readonly #core: Core
  readonly #open = new Map<bigint, Open>()
  readonly #early: MessageOf<'report-signatures'>[][]
  readonly #answered = new Set<string>()

  constructor(core: Core) {
    this.#core = core
    this.#early = Array.from({ length: core.options.n }, () => [])
  }

  onCommitted(certificate: Certificate, inputs: RoundInputs | null): void {
    const { seqNr, outcome } = certificate
    const reports = this.#reports(seqNr, outcome)
    const open: Open = {
      certificate,
      inputs,
      reports,
      digests: reports.map(({ digest }) => hexToBytes(digest)),
      votes: new Votes(this.#core.options.n),
      message: null,
      attested: reports.length === 0,
    }
    this.#open.set(seqNr, open)
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= WINDOW) break
      this.#open.delete(oldest)
    }
    if (!open.attested) this.#signNext(open, [])
    this.#takeEarly()
  }

  #reports(seqNr: bigint, outcome: Uint8Array): readonly PlacedReport[] {
    try {
      const reports = this.#core.duty.reports(seqNr, outcome)
      const limit = this.#core.options.limits.reports
      if (reports.length <= limit) return reports
      this.#core.fault('reports-failed', null, { reason: `${reports.length} reports are more than ${limit}` })
    } catch (error) {
      this.#core.fault('reports-failed', null, { seqNr: seqNr.toString(), reason: reasonOf(error) })
    }
    return []
  }

  /** One after the other, and sent together. */
  #signNext(open: Open, signatures: readonly Uint8Array[]): void {
    const index = signatures.length
    const digest = open.digests[index]
    if (digest === undefined) {
      this.#onSigned(open, signatures)
      return
    }
    const position = [open.certificate.seqNr, BigInt(index)] as const
    const next = (signature: Uint8Array) => this.#signNext(open, [...signatures, signature])
    this.#core.signReport(position, digest, next, () => {})
  }

  #onSigned(open: Open, signatures: readonly Uint8Array[]): void {
    const { seqNr } = open.certificate
    open.message = this.#core.encode({ kind: 'report-signatures', seqNr, signatures })
    open.votes.add(this.#core.options.self, signatures, true)
    this.#core.broadcast(open.message)
    this.#tally(open)
  }

  onSignatures(from: number, message: MessageOf<'report-signatures'>): void {
    const open = this.#open.get(message.seqNr)
    if (open === undefined) {
      if (message.seqNr <= this.#core.committedSeqNr) {
        this.#core.drop('late', from)
        return
      }
      const early = this.#early[from]
      early?.push(message)
      if (early !== undefined && early.length > EARLY_PER_PEER) early.shift()
      return
    }
    if (open.reports.length === 0) {
      this.#core.drop('unexpected', from)
      return
    }
    if (message.signatures.length !== open.reports.length) {
      this.#core.fault('divergent-outcome', from, {
        seqNr: message.seqNr.toString(),
        message: message.kind,
      })
      return
    }
    if (open.votes.has(from)) {
      this.#again(from, open)
      return
    }
    open.votes.add(from, message.signatures, false)
    this.#tally(open)
  }

  /** Who sends its signatures twice still lacks some. */
  #again(from: number, open: Open): void {
    const key = `${from}/${open.certificate.seqNr}`
    if (open.message === null || this.#answered.has(key)) {
      this.#core.drop('repeated', from)
      return
    }
    this.#answered.add(key)
    this.#core.send(from, open.message)
  }

  #takeEarly(): void {
    this.#early.forEach((early, from) => {
      const due = early.filter(({ seqNr }) => seqNr <= this.#core.committedSeqNr)
      if (due.length === 0) return
      this.#early[from] = early.filter(({ seqNr }) => seqNr > this.#core.committedSeqNr)
      for (const message of due) this.onSignatures(from, message)
    })
  }

  #tally(open: Open): void {
    if (open.attested) return
    const { options, verification } = this.#core
    const votes = open.votes.collect(
      options.f + 1,
      () => true,
      (oracle, signatures) =>
        open.digests.every((digest, i) => {
          const signature = signatures[i]
          if (signature === undefined) return false
          return verification.recover(digest, signature) === options.signers[oracle]?.toLowerCase()
        }),
      (oracle) => this.#core.fault('bad-signature', oracle, { message: 'report-signatures' }),
    )
    if (votes === null) return
    open.attested = true
    const reports: AttestedReport[] = open.reports.map(({ report, context, digest }, index) => ({
      index,
      report,
      context,
      digest,
      signatures: votes.map(({ oracle, value }) => ({
        oracle,
        signer: options.signers[oracle] ?? '0x',
        signature: value[index] ?? new Uint8Array(),
      })),
    }))
    const { seqNr, epoch, outcome } = open.certificate
    this.#core.emit({ type: 'attested', seqNr, epoch, outcome, inputs: open.inputs, reports })
  }

  resend(): void {
    this.#answered.clear()
    for (const open of [...this.#open.values()].slice(-RESENT)) {
      if (!open.attested && open.message !== null) this.#core.broadcast(open.message)
    }
  }
}
