import type { Hex } from '../../../node/ports/chain.ts'
import type { SigningSlot } from '../../../node/ports/signer.ts'
import type { Rule } from './invariants.ts'

export interface LockOptions {
  readonly n: number
  readonly f: number
}

export interface LockModules {
  readonly honest: (node: number) => boolean
  readonly fail: (rule: Rule, message: string) => never
}

interface Vote {
  readonly node: number
  readonly epoch: number
  /** Hash of the outcome, 32 bytes: the end of what a prepare and a commit sign. */
  readonly outcome: string
}

/**
 * Why there is one outcome per sequence number, checked at its root: as soon as Q-f honest validators have signed a commit,
 * f liars can complete its certificate in secret, so no honest one may prepare another outcome in any later epoch. Whoever
 * was to break `one-outcome` must break this first, and far more easily: no liar has to bring the certificate together.
 */
export class Locks {
  readonly #needed: number
  readonly #modules: LockModules
  readonly #prepares = new Map<bigint, Vote[]>()
  readonly #commits = new Map<bigint, Vote[]>()

  constructor({ n, f }: LockOptions, modules: LockModules) {
    this.#needed = Math.floor((n + f) / 2) + 1 - f
    this.#modules = modules
  }

  /** A consensus key gave a signature away. A crash may have swallowed it since: it binds all the same. */
  released(node: number, { purpose, position }: SigningSlot, payload: Hex): void {
    if (purpose !== 'prepare' && purpose !== 'commit') return
    const [epoch, seqNr] = position
    const votes = purpose === 'prepare' ? this.#prepares : this.#commits
    const vote = { node, epoch: Number(epoch), outcome: payload.slice(-64) }
    const known = votes.get(seqNr)
    if (known === undefined) votes.set(seqNr, [vote])
    else known.push(vote)
    this.#check(seqNr)
  }

  #check(seqNr: bigint): void {
    const { honest, fail } = this.#modules
    const commits = (this.#commits.get(seqNr) ?? []).filter(({ node }) => honest(node))
    const prepares = (this.#prepares.get(seqNr) ?? []).filter(({ node }) => honest(node))
    const locked = ({ epoch, outcome }: Vote) => {
      const same = commits.filter((each) => each.epoch === epoch && each.outcome === outcome)
      // A restarted validator may sign the same again.
      return new Set(same.map(({ node }) => node)).size >= this.#needed
    }
    for (const commit of commits) {
      const broken = prepares.find(({ epoch, outcome }) => epoch > commit.epoch && outcome !== commit.outcome)
      if (broken === undefined || !locked(commit)) continue
      const where = `in epoch ${broken.epoch}, and epoch ${commit.epoch} may have committed something else`
      fail('lock', `node ${broken.node} prepares ${seqNr} anew ${where}`)
    }
  }
}
