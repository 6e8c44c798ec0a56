import { bytesToHex, hexToBytes, keccak256 } from 'viem'
import type { Hex } from '../../ports/chain.ts'
import type { AttestedReport, SignedStatement } from '../../ports/quorum.ts'
import { sameBytes } from '../bytes.ts'
import type { Certificate } from '../certificate.ts'
import { type PlacedReport, reportStatement } from '../digest.ts'
import type { MessageOf, ReportSignature } from '../messages.ts'
import { type Core, reasonOf } from './core.ts'
import type { FailureKind, RoundInputs } from './effects.ts'
import { Votes } from './votes.ts'

/** A report as it is to be signed, and who signed it. */
interface Wanted {
  readonly placed: PlacedReport
  readonly configDigest: Uint8Array
  readonly reportHash: Uint8Array
  readonly extraHash: Uint8Array
  readonly digest: Uint8Array
  readonly votes: Votes<ReportSignature>
  /** Contradictions looked at, by oracle: two recoveries each. */
  readonly judged: Map<number, number>
}

interface Open {
  readonly certificate: Certificate
  readonly inputs: RoundInputs | null
  /** By index. More come when a destination becomes known. */
  readonly reports: Map<number, Wanted>
  /** Config digests of contracts whose reports are not attested yet. */
  readonly missing: Set<Hex>
  /** This node's duty can't make them: which others are right is not for it to say. */
  readonly unknown: boolean
  attested: readonly AttestedReport[]
  /** Of this node, in ascending order. */
  signed: readonly ReportSignature[]
  /** Not signed so far, and not refused for good. */
  unsigned: readonly Wanted[]
  signing: boolean
  /** Own signatures, for resending. */
  message: Uint8Array | null
}

/** Sequence numbers whose reports are still of interest. */
const WINDOW = 32
/** Of those, how many are sent again while not attested. */
const RESENT = 8
/** Signatures of a peer for outcomes not committed here yet. */
const EARLY_PER_PEER = 8
const MAX_JUDGED = 3

/**
 * Turns a committed outcome into reports that enough validators signed: f+1 or Q, as the duty wants it. The reports for
 * one contract are attested together and without those for others: a validator that does not know a destination, or is
 * not let sign for it, holds up nothing else.
 */
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
      ...{ certificate, inputs, unknown: reports === null },
      ...{ reports: new Map(), missing: new Set(), attested: [] },
      ...{ signed: [], unsigned: [], signing: false, message: null },
    }
    this.#open.set(seqNr, open)
    this.#want(open, reports ?? [])
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= WINDOW) break
      this.#open.delete(oldest)
    }
    this.#sign(open)
    this.#takeEarly()
  }

  /** Reports that are not known yet. */
  #want(open: Open, reports: readonly PlacedReport[]): void {
    for (const placed of reports) {
      if (open.reports.has(placed.index)) continue
      const report = wanted(placed, this.#core.options.n)
      open.reports.set(placed.index, report)
      open.missing.add(placed.context[0])
      open.unsigned = [...open.unsigned, report]
    }
  }

  /** Null when the duty fails at it. */
  #reports(seqNr: bigint, outcome: Uint8Array): readonly PlacedReport[] | null {
    try {
      const reports = this.#core.duty.reports(seqNr, outcome)
      const limit = this.#core.options.limits.reports
      if (reports.length <= limit) return reports
      this.#core.fault('reports-failed', null, { reason: `${reports.length} reports are more than ${limit}` })
    } catch (error) {
      this.#core.fault('reports-failed', null, { seqNr: seqNr.toString(), reason: reasonOf(error) })
    }
    return null
  }

  #sign(open: Open): void {
    if (open.signing || open.unsigned.length === 0) return
    open.signing = true
    const left = open.unsigned
    open.unsigned = []
    this.#signNext(open, left, [])
  }

  /** One after the other, and sent together. What is refused is left out; where that may pass, until the next resend. */
  #signNext(open: Open, left: readonly Wanted[], signed: readonly ReportSignature[]): void {
    const [report, ...rest] = left
    if (report === undefined) {
      open.signing = false
      this.#onSigned(open, signed)
      return
    }
    const { placed, digest } = report
    const position = [open.certificate.seqNr, BigInt(placed.index)] as const
    const done = (signature: Uint8Array) =>
      this.#signNext(open, rest, [...signed, { ...placeOf(report), signature }])
    const refused = (kind?: FailureKind) => {
      if (kind === 'passing') open.unsigned = [...open.unsigned, report]
      this.#signNext(open, rest, signed)
    }
    this.#core.signReport(placed.context[0], position, digest, done, refused)
  }

  #onSigned(open: Open, fresh: readonly ReportSignature[]): void {
    if (fresh.length === 0) return
    const { seqNr } = open.certificate
    open.signed = [...open.signed, ...fresh].sort((a, b) => a.index - b.index)
    open.message = this.#core.encode({ kind: 'report-signatures', seqNr, reports: open.signed })
    for (const signed of fresh)
      open.reports.get(signed.index)?.votes.add(this.#core.options.self, signed, true)
    this.#core.broadcast(open.message)
    this.#tally(open)
  }

  onSignatures(from: number, message: MessageOf<'report-signatures'>): void {
    const open = this.#open.get(message.seqNr)
    if (open === undefined) {
      this.#keep(from, message)
      return
    }
    let known = 0
    let strange = 0
    for (const signed of message.reports) {
      const mine = open.reports.get(signed.index)
      if (mine === undefined || !sameBytes(mine.configDigest, signed.configDigest)) {
        strange++
        this.#onStranger(from, open, signed)
        continue
      }
      const before = mine.votes.get(from)
      if (before === undefined) this.#add(from, open, mine, signed)
      else if (sameReport(before, signed)) known++
      else this.#judge(from, open, mine, before, signed)
    }
    if (known > 0 && known + strange === message.reports.length) this.#again(from, open)
    else this.#tally(open)
  }

  /**
   * A report that this node does not make. For the quorum's own contract its sender has another outcome; for another one
   * the sender may follow a newer, or an older, configuration of it.
   */
  #onStranger(from: number, { certificate, unknown }: Open, signed: ReportSignature): void {
    if (!unknown && sameBytes(signed.configDigest, this.#core.options.digest)) {
      const data = { seqNr: certificate.seqNr.toString(), report: signed.index }
      this.#core.fault('divergent-outcome', from, data)
    } else this.#core.drop(unknown ? 'reports-unknown' : 'other-configuration', from)
  }

  #add(from: number, open: Open, mine: Wanted, signed: ReportSignature): void {
    mine.votes.add(from, signed, false)
    if (sameReport(mine, signed)) return
    const data = { seqNr: open.certificate.seqNr.toString(), report: signed.index }
    this.#core.fault('divergent-outcome', from, data)
  }

  /** For an outcome that is not committed here yet. */
  #keep(from: number, message: MessageOf<'report-signatures'>): void {
    if (message.seqNr <= this.#core.committedSeqNr) {
      this.#core.drop('late', from)
      return
    }
    const early = this.#early[from]
    early?.push(message)
    if (early !== undefined && early.length > EARLY_PER_PEER) early.shift()
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

  /** Two words of one signer on one place. Both must be its own before it is accused. */
  #judge(from: number, open: Open, mine: Wanted, a: ReportSignature, b: ReportSignature): void {
    const looked = mine.judged.get(from) ?? 0
    if (looked >= MAX_JUDGED) {
      this.#core.drop('repeated', from)
      return
    }
    const { seqNr } = open.certificate
    const statements = [statementOf(mine, a), statementOf(mine, b)]
    if (!statements.every((statement) => this.#isOf(from, statement))) {
      mine.judged.set(from, looked + 1)
      this.#core.fault('bad-signature', from, { statement: 'report', seqNr: seqNr.toString() })
      return
    }
    // Once is enough.
    mine.judged.set(from, MAX_JUDGED)
    this.#core.fault('equivocation', from, { statement: 'report', seqNr: seqNr.toString() })
    const offence = { offence: 'equivocation', statement: 'report', oracle: from, epoch: 0, seqNr } as const
    this.#core.offence({ ...offence, statements })
  }

  #isOf(oracle: number, { bytes, signature }: SignedStatement): boolean {
    return this.#isSignedBy(oracle, keccak256(bytes, 'bytes'), signature)
  }

  #isSignedBy(oracle: number, digest: Uint8Array, signature: Uint8Array): boolean {
    const { options, verification } = this.#core
    const signer = options.signers[oracle]?.toLowerCase() as Hex | undefined
    return signer !== undefined && verification.recover(digest, signature, signer) === signer
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
    for (const digest of open.missing) {
      const group = [...open.reports.values()].filter(({ placed }) => placed.context[0] === digest)
      const attested = group.map((report) => this.#attest(open, report))
      if (!attested.every((each) => each !== null)) continue
      open.missing.delete(digest)
      open.attested = [...open.attested, ...attested].sort((a, b) => a.index - b.index)
      const { seqNr, epoch, outcome } = open.certificate
      this.#core.emit({
        ...{ type: 'attested', seqNr, epoch, outcome, inputs: open.inputs },
        reports: attested,
        all: open.attested,
        complete: open.missing.size === 0,
      })
    }
  }

  #attest(open: Open, report: Wanted): AttestedReport | null {
    const { options } = this.#core
    const votes = report.votes.collect(
      options.reportSignatures,
      (signed) => sameReport(report, signed),
      (oracle, { signature }) => this.#isSignedBy(oracle, report.digest, signature),
      (oracle, signed) => {
        const at = { epoch: 0, seqNr: open.certificate.seqNr }
        this.#core.badSignature(oracle, 'report', at, statementOf(report, signed))
      },
    )
    if (votes === null) return null
    const { index, report: payload, context, digest } = report.placed
    const signatures = votes.map(({ oracle, value }) => ({
      oracle,
      signer: options.signers[oracle] ?? '0x',
      signature: value.signature,
    }))
    return { index, report: payload, context, digest, signatures }
  }

  resend(): void {
    this.#answered.clear()
    const newest = [...this.#open.values()].slice(-RESENT)
    this.#lookAgain(newest.at(-1))
    for (const open of newest) {
      this.#sign(open)
      if (open.missing.size > 0 && open.message !== null) this.#core.broadcast(open.message)
    }
  }

  /** A destination may have become known since; the newest outcome is all that it still takes. */
  #lookAgain(open: Open | undefined): void {
    if (open === undefined || open.unknown) return
    this.#want(open, this.#reports(open.certificate.seqNr, open.certificate.outcome) ?? [])
  }
}

function wanted(placed: PlacedReport, n: number): Wanted {
  return {
    placed,
    configDigest: hexToBytes(placed.context[0]),
    reportHash: hexToBytes(placed.reportHash),
    extraHash: hexToBytes(placed.context[2]),
    digest: hexToBytes(placed.digest),
    votes: new Votes(n),
    judged: new Map(),
  }
}

function placeOf({
  placed,
  configDigest,
  reportHash,
  extraHash,
}: Wanted): Omit<ReportSignature, 'signature'> {
  return { index: placed.index, configDigest, reportHash, extraHash }
}

type Named = Pick<ReportSignature, 'reportHash' | 'extraHash'>

function sameReport(a: Named, b: Named): boolean {
  return sameBytes(a.reportHash, b.reportHash) && sameBytes(a.extraHash, b.extraHash)
}

/** What the signer put its name to, at the place of `report`. */
function statementOf({ placed }: Wanted, signed: ReportSignature): SignedStatement {
  const [digest, epochAndRound] = placed.context
  const context = [digest, epochAndRound, bytesToHex(signed.extraHash)] as const
  const bytes = hexToBytes(reportStatement(bytesToHex(signed.reportHash), context))
  return { bytes, signature: signed.signature }
}
