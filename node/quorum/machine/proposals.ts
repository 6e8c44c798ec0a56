import type { SignedObservation } from '../../ports/quorum.ts'
import { sameBytes } from '../bytes.ts'
import { QuorumCodecError } from '../errors.ts'
import type { LeaderWord, MessageOf } from '../messages.ts'
import {
  inputsBytes,
  observationSeal,
  observationSignedBytes,
  proposalSignedBytes,
  type SignedPosition,
  sha256,
  signatureListBytes,
} from '../signed-bytes.ts'
import type { Ballots } from './ballots.ts'
import { type Core, reasonOf } from './core.ts'
import type { RoundInputs } from './effects.ts'
import type { Round } from './round.ts'

/** Proposals that a leader gets looked at in one round. */
const MAX_ATTEMPTS = 4

/**
 * A follower's judgement of what the leader proposes: the leader's signature, every observer's, and what the duty says of
 * each observation. What stands is computed into an outcome and voted for; what does not convicts the leader.
 */
export class Proposals {
  readonly #core: Core
  readonly #ballots: Ballots
  /** The last observation signed here. */
  #own: { readonly payload: Uint8Array; readonly signature: Uint8Array } | null = null
  /** Last accepted proposal, for a re-proposal of it in a later epoch. */
  #accepted: { readonly hash: Uint8Array; readonly inputs: RoundInputs } | null = null

  constructor(core: Core, ballots: Ballots) {
    this.#core = core
    this.#ballots = ballots
  }

  /** An observation of this node was signed: in a proposal it needs no second look. */
  observed(payload: Uint8Array, signature: Uint8Array): void {
    this.#own = { payload, signature }
  }

  /** Of the last accepted proposal, when its inputs have this hash. */
  inputsOf(hash: Uint8Array): RoundInputs | null {
    const accepted = this.#accepted
    return accepted !== null && sameBytes(accepted.hash, hash) ? accepted.inputs : null
  }

  /** `round` is the one that is on; a proposal for another is dropped. */
  onProposal(from: number, message: MessageOf<'proposal'>, round: Round | null): void {
    if (round === null || round.seqNr !== message.seqNr) return
    if (++round.proposalAttempts > MAX_ATTEMPTS) {
      this.#core.drop('too-many-attempts', from)
      return
    }
    const at = { digest: this.#core.options.digest, epoch: this.#core.epoch, seqNr: message.seqNr }
    const { previousOutcome } = this.#core
    const inputs = inputsBytes(at, message.query, previousOutcome, message.observations)
    const signatures = signatureListBytes(message.observations)
    const hash = sha256(inputs)
    const word = { signaturesHash: sha256(signatures), signature: message.signature }
    const signed = proposalSignedBytes(at, hash, word.signaturesHash)
    const own = from === this.#core.options.self
    const again = round.proposalHash !== null && sameBytes(round.proposalHash, hash)
    if (again) return
    if (!own && !this.#core.verification.consensus(from, signed, word.signature)) {
      const statement = { bytes: signed, signature: word.signature }
      this.#core.badSignature(from, 'proposal', { epoch: at.epoch, seqNr: at.seqNr }, statement)
      return
    }
    this.#core.witness.note({
      ...{ oracle: from, statement: 'proposal', epoch: at.epoch, seqNr: at.seqNr, from, verified: true },
      content: hash,
      bytes: () => signed,
      signature: word.signature,
    })
    if (round.candidate !== null) return
    if (round.query !== null && !sameBytes(round.query, message.query)) {
      // Queries are not signed: this node knows, and nobody else can.
      this.#core.fault('equivocation', from, { message: message.kind })
      return
    }
    if (!own && this.#lacksStart(from, message, round)) {
      // The leader sends it again with its proposal.
      this.#core.drop('no-round-start', from)
      return
    }
    if (!own && !this.#isSound(from, at, message, { inputs, signatures, signed, seal: round.seal })) return
    this.#accept(round, message, hash, word)
  }

  #accept(round: Round, message: MessageOf<'proposal'>, hash: Uint8Array, word: LeaderWord): void {
    const { epoch, leader, previousOutcome } = this.#core
    let outcome: Uint8Array
    try {
      outcome = this.#core.duty.outcome(message.seqNr, message.query, previousOutcome, message.observations)
      const limit = this.#core.options.limits.outcome
      if (outcome.length > limit) {
        throw new QuorumCodecError('QUORUM_CODEC_LIMIT', `${outcome.length} bytes are more than ${limit}`, {
          data: { limit, actual: outcome.length },
        })
      }
    } catch (error) {
      this.#core.fault('outcome-failed', null, {
        seqNr: message.seqNr.toString(),
        reason: reasonOf(error),
      })
      return
    }
    const inputs = { epoch, leader, query: message.query, observations: message.observations }
    this.#accepted = { hash, inputs }
    round.query = message.query
    round.proposalHash = hash
    this.#ballots.stand(round, {
      inputsHash: hash,
      outcomeHash: sha256(outcome),
      outcome,
      inputs,
      proposal: word,
    })
  }

  /** Every observation is its observer's and fits the query. What is not becomes a fault of the leader. */
  #isSound(
    leader: number,
    at: SignedPosition,
    message: MessageOf<'proposal'>,
    parts: {
      readonly inputs: Uint8Array
      readonly signatures: Uint8Array
      readonly signed: Uint8Array
      readonly seal: Uint8Array | null | undefined
    },
  ): boolean {
    const { n, f } = this.#core.options
    const { query, observations, seqNr } = message
    const refuse = (reason: string) => {
      this.#core.fault('bad-proposal', leader, { seqNr: seqNr.toString(), reason })
      return false
    }
    if (observations.length < 2 * f + 1) return refuse('fewer than 2f+1 observations')
    if (observations.some(({ oracle }) => oracle >= n)) return refuse('an observation of nobody')
    for (const each of observations) {
      if (this.#isObservers(leader, at, query, each)) continue
      const { inputs, signatures, signed } = parts
      this.#core.offence({
        offence: 'forged-proposal',
        statement: 'proposal',
        oracle: leader,
        epoch: at.epoch,
        seqNr,
        statements: [{ bytes: signed, signature: message.signature }],
        forged: { inputs, signatures, oracle: each.oracle },
      })
      return refuse(`bad signature of oracle ${each.oracle}`)
    }
    if (!this.#isSealed(leader, at, message, parts.seal))
      return refuse('another observation of its own than it bound itself to')
    try {
      for (const { observation } of observations) {
        this.#core.duty.validate(seqNr, query, this.#core.previousOutcome, observation)
      }
    } catch (error) {
      return refuse(reasonOf(error))
    }
    return true
  }

  /** Who did not see the round's start can't tell what the leader bound itself to, and waits for it. */
  #lacksStart(leader: number, { observations }: MessageOf<'proposal'>, { seal }: Round): boolean {
    return (
      this.#core.duty.sealed && seal === undefined && observations.some(({ oracle }) => oracle === leader)
    )
  }

  /** Whether the leader's own observation is the one that it bound itself to before it saw others. */
  #isSealed(
    leader: number,
    at: SignedPosition,
    { query, observations }: MessageOf<'proposal'>,
    seal: Uint8Array | null | undefined,
  ): boolean {
    const own = observations.find(({ oracle }) => oracle === leader)
    if (!this.#core.duty.sealed || own === undefined) return true
    const payload = observationSignedBytes(at, query, own.observation)
    return seal != null && sameBytes(seal, observationSeal(payload, own.signature))
  }

  #isObservers(
    leader: number,
    at: SignedPosition,
    query: Uint8Array,
    { oracle, observation, signature }: SignedObservation,
  ): boolean {
    const payload = observationSignedBytes(at, query, observation)
    const own = oracle === this.#core.options.self ? this.#own : null
    // This node's own signature over the same bytes needs no second look.
    if (own !== null && sameBytes(own.signature, signature) && sameBytes(own.payload, payload)) return true
    if (!this.#core.verification.consensus(oracle, payload, signature)) return false
    this.#core.witness.note({
      ...{ oracle, statement: 'observation', epoch: at.epoch, seqNr: at.seqNr, from: leader, verified: true },
      content: payload,
      bytes: () => payload,
      signature,
    })
    return true
  }
}
