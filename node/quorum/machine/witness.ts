import type { Offence, SignedStatement, StatementKind } from '../../ports/quorum.ts'
import { sameBytes } from '../bytes.ts'
import type { FaultCode, Verification } from './effects.ts'

/** A statement as it was heard. */
export interface Heard {
  readonly oracle: number
  readonly statement: Exclude<StatementKind, 'report'>
  readonly epoch: number
  readonly seqNr: bigint
  /** What two statements for one slot must have in common not to contradict each other. */
  readonly content: Uint8Array
  /** What is signed; called only when there is a contradiction to show. */
  readonly bytes: () => Uint8Array
  readonly signature: Uint8Array
  /** The signature was checked. */
  readonly verified: boolean
  /** Who brought it: a forgery is the messenger's fault. */
  readonly from: number
}

/** Where a witness says what it saw: the machine's core. */
export interface Court {
  readonly options: { readonly n: number; readonly self: number }
  readonly verification: Verification
  fault(code: FaultCode, oracle: number, data: Readonly<Record<string, unknown>>): void
  offence(offence: Omit<Offence, 'forged'>): void
  badSignature(
    oracle: number,
    statement: StatementKind,
    at: { readonly epoch: number; readonly seqNr: bigint },
    signed: SignedStatement,
  ): void
}

interface Known {
  heard: Heard
  verified: boolean
  /** An offence was made of it: one is enough. */
  proven: boolean
  /** Contradictions that came to nothing, by who brought them: they cost signature checks. */
  readonly failed: Map<number, number>
}

/** Slots remembered per oracle: six kinds of the current round, of the last ones, and of certificates of an epoch start. */
const SLOTS_PER_ORACLE = 32
const MAX_FAILED = 2

/**
 * Remembers who signed what in the latest slots, however it came to this node: as a vote, in a proposal, or in a
 * certificate. Two statements of one validator for one slot become an offence that names both.
 */
export class Witness {
  readonly #court: Court
  readonly #known: Map<string, Known>[]

  constructor(court: Court) {
    this.#court = court
    this.#known = Array.from({ length: court.options.n }, () => new Map())
  }

  note(heard: Heard): void {
    const { oracle, statement, epoch, seqNr, content } = heard
    const slots = this.#known[oracle]
    if (slots === undefined || oracle === this.#court.options.self) return
    const slot = `${statement}/${epoch}/${seqNr}`
    const known = slots.get(slot)
    if (known === undefined) {
      slots.set(slot, { heard, verified: heard.verified, proven: false, failed: new Map() })
      for (const oldest of slots.keys()) {
        if (slots.size <= SLOTS_PER_ORACLE) break
        slots.delete(oldest)
      }
      return
    }
    if (sameBytes(known.heard.content, content)) {
      // What is known to be signed serves better than what may be a forgery of the same words.
      if (!known.verified && heard.verified) Object.assign(known, { heard, verified: true })
      return
    }
    if (known.proven) return
    // What was checked already is never too much: a forgery that lies in its place must make room.
    if (!heard.verified && (known.failed.get(heard.from) ?? 0) >= MAX_FAILED) return
    this.#compare(known, heard)
  }

  #compare(known: Known, heard: Heard): void {
    const court = this.#court
    const { oracle, statement } = heard
    const { verification } = court
    const first = statementOf(known.heard)
    if (!known.verified && !verification.consensus(oracle, first.bytes, first.signature)) {
      this.#refuse(known, known.heard, first)
      known.heard = heard
      known.verified = heard.verified
      return
    }
    known.verified = true
    const second = statementOf(heard)
    if (!heard.verified && !verification.consensus(oracle, second.bytes, second.signature)) {
      this.#refuse(known, heard, second)
      return
    }
    known.proven = true
    const { epoch, seqNr } = heard
    court.fault('equivocation', oracle, { statement, epoch, seqNr: seqNr.toString() })
    court.offence({
      offence: 'equivocation',
      statement,
      oracle,
      epoch,
      seqNr,
      statements: [first, second],
    })
  }

  #refuse(known: Known, heard: Heard, signed: SignedStatement): void {
    const { oracle, statement, from } = heard
    known.failed.set(from, (known.failed.get(from) ?? 0) + 1)
    if (from === oracle) this.#court.badSignature(oracle, statement, heard, signed)
    else this.#court.fault('bad-signature', from, { statement, of: oracle })
  }
}

function statementOf(heard: Heard): SignedStatement {
  return { bytes: heard.bytes(), signature: heard.signature }
}
