import { sameBytes } from '../bytes.ts'
import { type Certificate, compareRank, NO_HASH, rankOf } from '../certificate.ts'
import type { MessageOf } from '../messages.ts'
import {
  commitSignedBytes,
  prepareSignedBytes,
  proposalSignedBytes,
  type SignedPosition,
} from '../signed-bytes.ts'
import type { Core } from './core.ts'
import type { Candidate, PrepareVote, Round } from './round.ts'

/** The two votes on an outcome: prepares, and commits once the certificate of the prepares is on disk. */
export class Ballots {
  readonly #core: Core
  readonly #current: () => Round | null

  /** `current`: the round that is on; votes of another one are dropped. */
  constructor(core: Core, current: () => Round | null) {
    this.#core = core
    this.#current = current
  }

  #position(seqNr: bigint): SignedPosition {
    return { digest: this.#core.options.digest, epoch: this.#core.epoch, seqNr }
  }

  /** Prepares an outcome: from now on this node stands for it in this round. */
  stand(round: Round, candidate: Candidate): void {
    const { epoch } = this.#core
    round.candidate = candidate
    for (const { oracle, value } of round.prepares.all()) this.#compare(oracle, value, round, candidate)
    const { inputsHash, outcomeHash, proposal } = candidate
    const payload = prepareSignedBytes(this.#position(round.seqNr), inputsHash, outcomeHash)
    this.#core.sign('prepare', [BigInt(epoch), round.seqNr], payload, (signature) => {
      if (this.#current() !== round) return
      const vote = { inputsHash, outcomeHash, signature, proposal }
      round.prepares.add(this.#core.options.self, vote, true)
      round.prepare = this.#core.encode({ kind: 'prepare', epoch, seqNr: round.seqNr, ...vote })
      this.#core.broadcast(round.prepare)
      this.#tallyPrepares(round)
    })
    this.#tallyPrepares(round)
    this.#tallyCommits(round)
  }

  onPrepare(from: number, message: MessageOf<'prepare'>): void {
    const round = this.#current()
    if (round === null) {
      this.#core.drop('unexpected', from)
      return
    }
    this.#witnessPrepare(from, message)
    if (round.prepares.has(from)) {
      this.#core.drop('repeated', from)
      return
    }
    this.#core.emit({ type: 'voted', oracle: from, seqNr: round.seqNr })
    round.prepares.add(from, message, false)
    if (round.candidate !== null) this.#compare(from, message, round, round.candidate)
    this.#tallyPrepares(round)
  }

  /** The vote itself, and what its sender says that the leader proposed. */
  #witnessPrepare(from: number, message: MessageOf<'prepare'>): void {
    const { epoch, seqNr, inputsHash, outcomeHash, signature, proposal } = message
    const at = this.#position(seqNr)
    this.#core.witness.note({
      ...{ oracle: from, statement: 'prepare', epoch, seqNr, from, signature, verified: false },
      content: Buffer.concat([inputsHash, outcomeHash]),
      bytes: () => prepareSignedBytes(at, inputsHash, outcomeHash),
    })
    if (proposal === null) return
    this.#core.witness.note({
      ...{ oracle: this.#core.leader, statement: 'proposal', epoch, seqNr, from, verified: false },
      content: inputsHash,
      bytes: () => proposalSignedBytes(at, inputsHash, proposal.signaturesHash),
      signature: proposal.signature,
    })
  }

  /** Another's prepare against the own: the first sign of a duty that is not deterministic. */
  #compare(oracle: number, vote: PrepareVote, round: Round, candidate: Candidate): void {
    const seqNr = round.seqNr.toString()
    if (!sameBytes(vote.inputsHash, candidate.inputsHash)) {
      // Who is to blame shows in the leader's signature, when the vote carries one: see the witness.
      this.#core.fault('divergent-inputs', null, { seqNr, peer: oracle, leader: this.#core.leader })
    } else if (!sameBytes(vote.outcomeHash, candidate.outcomeHash)) {
      this.#core.fault('divergent-outcome', oracle, { seqNr })
    }
  }

  #tallyPrepares(round: Round): void {
    const { candidate } = round
    if (candidate === null || round.prepared) return
    const { epoch, verification } = this.#core
    const { inputsHash, outcomeHash, outcome } = candidate
    const { seqNr } = round
    const payload = prepareSignedBytes(this.#position(seqNr), inputsHash, outcomeHash)
    const votes = round.prepares.collect(
      this.#core.quorum,
      (vote) => sameBytes(vote.inputsHash, inputsHash) && sameBytes(vote.outcomeHash, outcomeHash),
      (oracle, vote) => verification.consensus(oracle, payload, vote.signature),
      (oracle, { signature }) =>
        this.#core.badSignature(oracle, 'prepare', { epoch, seqNr }, { bytes: payload, signature }),
    )
    if (votes === null) return
    round.prepared = true
    this.#core.emit({ type: 'prepared', seqNr })
    const signatures = votes.map(({ oracle, value }) => ({ oracle, signature: value.signature }))
    const certificate: Certificate = { kind: 'prepare', epoch, seqNr, inputsHash, outcome, signatures }
    const bytes = this.#core.trust(certificate)
    if (compareRank(rankOf(certificate), rankOf(this.#core.highest)) > 0) this.#core.highest = certificate
    // On disk before the commit is signed: after any crash a quorum still knows what may have been committed.
    this.#core.save({ certificate: bytes }, () => {
      if (this.#current() === round) this.#commit(round, outcomeHash)
    })
  }

  #commit(round: Round, outcomeHash: Uint8Array): void {
    const { epoch } = this.#core
    const payload = commitSignedBytes(this.#position(round.seqNr), outcomeHash)
    this.#core.sign('commit', [BigInt(epoch), round.seqNr], payload, (signature) => {
      if (this.#current() !== round) return
      round.commits.add(this.#core.options.self, { outcomeHash, signature }, true)
      round.commit = this.#core.encode({ kind: 'commit', epoch, seqNr: round.seqNr, outcomeHash, signature })
      this.#core.broadcast(round.commit)
      this.#tallyCommits(round)
    })
  }

  onCommit(from: number, message: MessageOf<'commit'>): void {
    const round = this.#current()
    if (round === null) {
      this.#core.drop('unexpected', from)
      return
    }
    const { epoch, seqNr, outcomeHash, signature } = message
    const at = this.#position(seqNr)
    this.#core.witness.note({
      ...{ oracle: from, statement: 'commit', epoch, seqNr, from, signature, verified: false },
      content: outcomeHash,
      bytes: () => commitSignedBytes(at, outcomeHash),
    })
    if (round.commits.has(from)) {
      this.#core.drop('repeated', from)
      return
    }
    round.commits.add(from, message, false)
    if (round.candidate !== null) this.#tallyCommits(round)
    // Others agreed on what this node has not seen: ask them.
    const others = round.commits.voters((vote) => sameBytes(vote.outcomeHash, outcomeHash))
    const known = round.candidate !== null && sameBytes(round.candidate.outcomeHash, outcomeHash)
    if (known || round.askedForOutcome || others.length < this.#core.quorum) return
    round.askedForOutcome = true
    this.#core.links.requestOutcome(others)
  }

  #tallyCommits(round: Round): void {
    const { candidate, seqNr } = round
    if (candidate === null || round.committing) return
    const { epoch, verification } = this.#core
    const { outcomeHash, outcome } = candidate
    const payload = commitSignedBytes(this.#position(seqNr), outcomeHash)
    const votes = round.commits.collect(
      this.#core.quorum,
      (vote) => sameBytes(vote.outcomeHash, outcomeHash),
      (oracle, vote) => verification.consensus(oracle, payload, vote.signature),
      (oracle, { signature }) =>
        this.#core.badSignature(oracle, 'commit', { epoch, seqNr }, { bytes: payload, signature }),
    )
    if (votes === null) return
    round.committing = true
    const signatures = votes.map(({ oracle, value }) => ({ oracle, signature: value.signature }))
    const certificate: Certificate = {
      kind: 'commit',
      epoch,
      seqNr,
      inputsHash: NO_HASH,
      outcome,
      signatures,
    }
    this.#core.trust(certificate)
    this.#core.links.adopt(certificate, candidate.inputs)
  }
}
