import { keccak256 } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import type { Offence, SignedStatement } from '../../../node/ports/quorum.ts'
import { sameBytes } from '../../../node/quorum/bytes.ts'
import type { Verification } from '../../../node/quorum/machine/effects.ts'
import type { MessageOf } from '../../../node/quorum/messages.ts'
import { PREFIX_BYTES } from '../../../node/quorum/signed-bytes.ts'
import type { Rule } from './invariants.ts'

export interface OffenceModules {
  readonly verification: Verification
  readonly signers: readonly Hex[]
  readonly honest: (node: number) => boolean
  /** Keys with a signing history: they sign one thing for one slot, whatever else their node does. */
  readonly guarded: (node: number) => boolean
  readonly fail: (rule: Rule, message: string) => never
}

/** Two honest validators prepared different inputs, and at least one of them saw it. */
interface Split {
  readonly epoch: number
  readonly seqNr: bigint
  readonly leader: number
  readonly nodes: readonly [number, number]
}

/** Accusations that are written down: none against the honest, and none missing where the bytes were at hand. */
export class Offences {
  count = 0
  readonly #modules: OffenceModules
  readonly #named = new Set<string>()
  readonly #splits: Split[] = []
  /** Inputs that honest validators prepared on a leader's word, by node, epoch and sequence number. */
  readonly #prepared = new Map<string, Uint8Array>()

  constructor(modules: OffenceModules) {
    this.#modules = modules
  }

  /** An honest validator wrote an offence down. */
  recorded(node: number, offence: Offence): void {
    const { fail, honest, guarded } = this.#modules
    const { oracle, statement, epoch, seqNr } = offence
    this.count++
    if (honest(oracle) || (offence.offence === 'equivocation' && guarded(oracle)))
      fail(
        'accusation',
        `node ${node} has ${offence.offence} (${statement} ${epoch}/${seqNr}) against node ${oracle}`,
      )
    if (offence.offence === 'equivocation') {
      this.#named.add(`${oracle}/${statement}/${epoch}/${seqNr}`)
      if (!this.#contradicts(offence))
        fail('accusation', `node ${node}: an equivocation of ${oracle} that is none`)
    }
  }

  /** Two statements for one slot, both signed by the culprit, that say different things. */
  #contradicts({ oracle, statement, statements }: Offence): boolean {
    const [a, b] = statements
    if (a === undefined || b === undefined || statements.length !== 2) return false
    const [from, to] = statement === 'report' ? [32, 96] : [0, PREFIX_BYTES]
    const sameSlot = sameBytes(a.bytes.subarray(from, to), b.bytes.subarray(from, to))
    const signed = [a, b].every((each) => this.#isOf(oracle, statement === 'report', each))
    return sameSlot && signed && !sameBytes(a.bytes, b.bytes)
  }

  #isOf(oracle: number, report: boolean, { bytes, signature }: SignedStatement): boolean {
    const { verification, signers } = this.#modules
    if (!report) return verification.consensus(oracle, bytes, signature)
    return verification.recover(keccak256(bytes, 'bytes'), signature) === signers[oracle]
  }

  prepared(node: number, { epoch, seqNr, inputsHash, proposal }: MessageOf<'prepare'>): void {
    if (proposal !== null) this.#prepared.set(`${node}/${epoch}/${seqNr}`, inputsHash)
  }

  split(split: Split): void {
    this.#splits.push(split)
  }

  /** At the end: where two honest validators stood for different proposals and saw it, their leader is named. */
  checkSplits(): void {
    for (const { epoch, seqNr, leader, nodes } of this.#splits) {
      const [a, b] = nodes.map((node) => this.#prepared.get(`${node}/${epoch}/${seqNr}`))
      if (a === undefined || b === undefined || sameBytes(a, b)) continue
      if (this.#named.has(`${leader}/proposal/${epoch}/${seqNr}`)) continue
      const where = `nodes ${nodes.join(' and ')} at ${epoch}/${seqNr}`
      this.#modules.fail('unnamed', `leader ${leader} showed two proposals to ${where}, and nobody names it`)
    }
  }
}
