import { bytesToHex, hexToBytes, keccak256 } from 'viem'
import type { AttestedReport, SignedStatement } from '../../ports/quorum.ts'
import { sameBytes } from '../bytes.ts'
import type { Certificate } from '../certificate.ts'
import { type PlacedReport, reportStatement } from '../digest.ts'
import type { MessageOf, ReportSignature } from '../messages.ts'
import { type Core, reasonOf } from './core.ts'
import type { RoundInputs } from './effects.ts'
import { Votes } from './votes.ts'

/** A report as it is to be signed. */
interface Wanted {
  readonly placed: PlacedReport
  readonly reportHash: Uint8Array
  readonly extraHash: Uint8Array
  readonly digest: Uint8Array
}

interface Open {
  readonly certificate: Certificate
  readonly inputs: RoundInputs | null
  readonly reports: readonly Wanted[]
  readonly votes: Votes<readonly ReportSignature[]>
  /** Oracles whose contradiction was looked at. */
  readonly judged: Set<number>
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

/** Turns a committed outcome into reports that enough validators signed: f+1 or Q, as the duty wants it. */
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
      votes: new Votes(this.#core.options.n),
      judged: new Set(),
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

  #reports(seqNr: bigint, outcome: Uint8Array): readonly Wanted[] {
    try {
      const reports = this.#core.duty.reports(seqNr, outcome).map(wanted)
      const limit = this.#core.options.limits.reports
      if (reports.length <= limit) return reports
      this.#core.fault('reports-failed', null, { reason: `${reports.length} reports are more than ${limit}` })
    } catch (error) {
      this.#core.fault('reports-failed', null, { seqNr: seqNr.toString(), reason: reasonOf(error) })
    }
    return []
  }

  /** One after the other, and sent together. */
  #signNext(open: Open, signed: readonly ReportSignature[]): void {
    const index = signed.length
    const report = open.reports[index]
    if (report === undefined) {
      this.#onSigned(open, signed)
      return
    }
    const { placed, digest, reportHash, extraHash } = report
    const position = [open.certificate.seqNr, BigInt(index)] as const
    const next = (signature: Uint8Array) =>
      this.#signNext(open, [...signed, { reportHash, extraHash, signature }])
    this.#core.signReport(placed.context[0], position, digest, next, () => {})
  }

  #onSigned(open: Open, reports: readonly ReportSignature[]): void {
    const { seqNr } = open.certificate
    open.message = this.#core.encode({ kind: 'report-signatures', seqNr, reports })
    open.votes.add(this.#core.options.self, reports, true)
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
    const known = open.votes.get(from)
    if (known !== undefined) {
      if (known.every((signed, i) => sameReport(signed, message.reports[i]))) this.#again(from, open)
      else this.#judge(from, open, known, message.reports)
      return
    }
    open.votes.add(from, message.reports, false)
    const same =
      message.reports.length === open.reports.length &&
      open.reports.every((report, i) => sameReport(report, message.reports[i]))
    if (!same) {
      const seqNr = message.seqNr.toString()
      this.#core.fault('divergent-outcome', from, { seqNr, message: message.kind })
      return
    }
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

  /** Two words of one signer on the reports of one outcome: once each, for checking costs two recoveries. */
  #judge(
    from: number,
    open: Open,
    first: readonly ReportSignature[],
    second: readonly ReportSignature[],
  ): void {
    if (open.judged.has(from)) {
      this.#core.drop('repeated', from)
      return
    }
    open.judged.add(from)
    const { seqNr } = open.certificate
    open.reports.forEach((report, i) => {
      const [a, b] = [first[i], second[i]]
      if (a === undefined || b === undefined || sameReport(a, b)) return
      const statements = [statementOf(report, a), statementOf(report, b)]
      if (!statements.every((statement) => this.#isOf(from, statement))) return
      this.#core.fault('equivocation', from, { statement: 'report', seqNr: seqNr.toString() })
      this.#core.offence({
        ...{ offence: 'equivocation', statement: 'report', oracle: from, epoch: 0, seqNr },
        statements,
      })
    })
  }

  #isOf(oracle: number, { bytes, signature }: SignedStatement): boolean {
    const { options, verification } = this.#core
    const signer = options.signers[oracle]?.toLowerCase()
    return verification.recover(keccak256(bytes, 'bytes'), signature) === signer
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
      options.reportSignatures,
      (signed) =>
        signed.length === open.reports.length &&
        open.reports.every((report, i) => sameReport(report, signed[i])),
      (oracle, signed) =>
        open.reports.every(({ digest }, i) => {
          const signature = signed[i]?.signature
          if (signature === undefined) return false
          return verification.recover(digest, signature) === options.signers[oracle]?.toLowerCase()
        }),
      (oracle, signed) => this.#refuse(oracle, open, signed),
    )
    if (votes === null) return
    open.attested = true
    const reports: AttestedReport[] = open.reports.map(({ placed: { report, context, digest } }, index) => ({
      index,
      report,
      context,
      digest,
      signatures: votes.map(({ oracle, value }) => ({
        oracle,
        signer: options.signers[oracle] ?? '0x',
        signature: value[index]?.signature ?? new Uint8Array(),
      })),
    }))
    const { seqNr, epoch, outcome } = open.certificate
    this.#core.emit({ type: 'attested', seqNr, epoch, outcome, inputs: open.inputs, reports })
  }

  /** One of its signatures is not its own. */
  #refuse(oracle: number, open: Open, signed: readonly ReportSignature[]): void {
    const { seqNr } = open.certificate
    open.reports.forEach((report, i) => {
      const signature = signed[i]
      if (signature === undefined) return
      const statement = statementOf(report, signature)
      if (!this.#isOf(oracle, statement))
        this.#core.badSignature(oracle, 'report', { epoch: 0, seqNr }, statement)
    })
  }

  resend(): void {
    this.#answered.clear()
    for (const open of [...this.#open.values()].slice(-RESENT)) {
      if (!open.attested && open.message !== null) this.#core.broadcast(open.message)
    }
  }
}

function wanted(placed: PlacedReport): Wanted {
  const [reportHash, extraHash, digest] = [placed.reportHash, placed.context[2], placed.digest]
  return {
    placed,
    reportHash: hexToBytes(reportHash),
    extraHash: hexToBytes(extraHash),
    digest: hexToBytes(digest),
  }
}

type Place = Pick<ReportSignature, 'reportHash' | 'extraHash'>

function sameReport(a: Place, b: Place | undefined): boolean {
  return b !== undefined && sameBytes(a.reportHash, b.reportHash) && sameBytes(a.extraHash, b.extraHash)
}

/** What the signer put its name to, at the place of `report`. */
function statementOf({ placed }: Wanted, signed: ReportSignature): SignedStatement {
  const [digest, epochAndRound] = placed.context
  const context = [digest, epochAndRound, bytesToHex(signed.extraHash)] as const
  const bytes = hexToBytes(reportStatement(bytesToHex(signed.reportHash), context))
  return { bytes, signature: signed.signature }
}
