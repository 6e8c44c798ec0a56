import type { SignedObservation } from '../../ports/quorum.ts'
import { sameBytes } from '../bytes.ts'
import type { Certificate } from '../certificate.ts'
import { QuorumCodecError } from '../errors.ts'
import type { LeaderWord, MessageOf } from '../messages.ts'
import {
  inputsBytes,
  observationSignedBytes,
  proposalSignedBytes,
  type SignedPosition,
  sha256,
  signatureListBytes,
} from '../signed-bytes.ts'
import { Ballots } from './ballots.ts'
import { type Core, reasonOf } from './core.ts'
import type { RoundInputs } from './effects.ts'
import { Leader } from './leader.ts'
import { Round, Seen } from './round.ts'

export type RoundMessage = MessageOf<
  'round-start' | 'idle' | 'observation' | 'proposal' | 'prepare' | 'commit'
>

/** Round starts, and proposals, that a leader gets looked at in one round. */
const MAX_ATTEMPTS = 4

/** A follower's part of the rounds, with the leader's beside it. */
export class Rounds {
  readonly #core: Core
  readonly #leader: Leader
  readonly #ballots: Ballots
  #round: Round | null = null
  #firstSeqNr = 1n
  #idleBeats = 0
  #judgedLately = false
  /** The last observation signed here. */
  #own: { readonly payload: Uint8Array; readonly signature: Uint8Array } | null = null
  /** The round at the last tick: if it is still on at the next, something was lost. */
  #atLastTick: Round | null = null
  /** Who sent what of the last committed sequence number. */
  #seen: Seen
  /** Last accepted proposal, for a re-proposal of it in a later epoch. */
  #lastInputs: { readonly hash: Uint8Array; readonly inputs: RoundInputs } | null = null

  constructor(core: Core) {
    this.#core = core
    this.#seen = new Seen(0n, core.options.n)
    this.#ballots = new Ballots(core, () => this.#round)
    this.#leader = new Leader(core, {
      onRoundStart: (from, message) => this.#onRoundStart(from, message),
      onOwnProposal: (message) => this.#onProposal(core.options.self, message),
      onIdle: () => this.#acceptIdle(),
      // Beats are not counted alike by all: a leader that stopped for them would stop alone, and nobody would follow.
      mayStart: () => this.#commitsUsed() < core.options.timing.rMax,
    })
  }

  /** Back in an epoch after a restart: see `Leader.abstain`. */
  resume(): void {
    this.#leader.abstain()
  }

  get seqNr(): bigint | null {
    return this.#round?.seqNr ?? null
  }

  #position(seqNr: bigint): SignedPosition {
    return { digest: this.#core.options.digest, epoch: this.#core.epoch, seqNr }
  }

  #setRound(round: Round | null): void {
    this.#core.emit({ type: 'abort-work' })
    this.#round = round
    this.#leader.onRound(round)
  }

  /** The epoch is being left. */
  leave(): void {
    this.#judgedLately = false
    if (this.#round !== null) this.#setRound(null)
  }

  /** The epoch's start is proven: go on from `highest`. */
  begin(highest: Certificate | null): void {
    const committed = this.#core.committedSeqNr
    this.#idleBeats = 0
    this.#leader.onEpoch()
    if (highest?.kind === 'prepare') {
      this.#firstSeqNr = highest.seqNr
      if (highest.seqNr > committed) {
        this.#propose(highest)
        return
      }
    } else {
      this.#firstSeqNr = (highest?.seqNr ?? 0n) + 1n
      if (highest !== null && highest.seqNr > committed) {
        this.#core.links.adopt(highest, null)
        return
      }
    }
    if (highest !== null && highest.seqNr < committed && !this.#core.isLeader()) {
      this.#core.links.pushOutcome(this.#core.leader)
    }
    this.#open()
  }

  /** A prepared outcome may have been committed somewhere: this epoch must finish it before anything else. */
  #propose(prepared: Certificate): void {
    const round = new Round(prepared.seqNr, this.#core.options.n)
    this.#setRound(round)
    const known = this.#lastInputs
    this.#ballots.stand(round, {
      inputsHash: prepared.inputsHash,
      outcomeHash: sha256(prepared.outcome),
      outcome: prepared.outcome,
      inputs: known !== null && sameBytes(known.hash, prepared.inputsHash) ? known.inputs : null,
      proposal: null,
    })
  }

  #open(): void {
    this.#setRound(new Round(this.#core.committedSeqNr + 1n, this.#core.options.n))
    this.#leader.consider()
  }

  /** Sequence numbers that this epoch has committed: the same at everybody. */
  #commitsUsed(): number {
    return Number(this.#core.committedSeqNr - this.#firstSeqNr + 1n)
  }

  /** With the beats that this node has accepted: reason enough to wish for another epoch. */
  #roundsUsed(): number {
    return this.#commitsUsed() + this.#idleBeats
  }

  /** A sequence number was committed and is durable. */
  onCommitted(): void {
    const { timing } = this.#core.options
    if (this.#core.epoch > 0) this.#core.setTimer('progress', timing.deltaProgress)
    const ended = this.#round
    this.#seen =
      ended?.seqNr === this.#core.committedSeqNr
        ? ended.seen
        : new Seen(this.#core.committedSeqNr, this.#core.options.n)
    // A re-proposed round stays: its predecessor came to be known only now.
    if (!this.#core.started || (ended !== null && ended.seqNr > this.#core.committedSeqNr)) return
    this.#open()
    if (this.#roundsUsed() >= timing.rMax) this.#core.links.wishNext()
  }

  /** Inputs of a committed outcome, when this node holds the proposal it came from. */
  inputsOf(certificate: Certificate): RoundInputs | null {
    const candidate = this.#round?.seqNr === certificate.seqNr ? this.#round.candidate : null
    return candidate !== null && sameBytes(candidate.outcome, certificate.outcome) ? candidate.inputs : null
  }

  onRoundTimer(): void {
    this.#judgedLately = false
    this.#leader.onRoundTimer()
  }

  onGraceTimer(): void {
    this.#leader.onGraceTimer()
  }

  /** A message for an already committed sequence number: its sender may need help. */
  onLate(from: number, message: RoundMessage): void {
    this.#core.drop('late', from)
    if (message.kind === 'prepare') this.#core.emit({ type: 'voted', oracle: from, seqNr: message.seqNr })
    if (message.seqNr < this.#seen.seqNr || this.#seen.mark(from, message.kind)) {
      this.#core.links.pushOutcome(from)
    }
  }

  /** A message of the current epoch and round. */
  handle(from: number, message: RoundMessage): void {
    this.#round?.seen.mark(from, message.kind)
    switch (message.kind) {
      case 'observation':
        if (!this.#core.isLeader()) {
          this.#core.drop('not-leader', from)
          return
        }
        this.#leader.onObservation(from, message)
        return
      case 'prepare':
        this.#ballots.onPrepare(from, message)
        return
      case 'commit':
        this.#ballots.onCommit(from, message)
        return
    }
    if (from !== this.#core.leader) {
      this.#core.fault('not-leader', from, { message: message.kind })
      return
    }
    switch (message.kind) {
      case 'round-start':
        this.#onRoundStart(from, message)
        return
      case 'proposal':
        this.#onProposal(from, message)
        return
      case 'idle':
        this.#onIdle()
        return
    }
  }

  /** Told "nothing to do": believed only when the own duty sees nothing either, so a lying leader gains no time. */
  #onIdle(): void {
    const round = this.#round
    if (round === null || this.#judgedLately || round.judgingIdle) return
    if (round.query !== null || round.candidate !== null) return
    round.judgingIdle = true
    // Half a DeltaRound: a leader in a hurry must not make this node ask its data sources without end.
    this.#judgedLately = true
    this.#core.setTimer('round', Math.ceil(this.#core.options.timing.deltaRound / 2))
    this.#core.query(
      round.seqNr,
      (query) => {
        round.judgingIdle = false
        if (this.#round === round && query === null && round.query === null) this.#acceptIdle()
      },
      () => {
        round.judgingIdle = false
      },
    )
  }

  #acceptIdle(): void {
    const { timing } = this.#core.options
    this.#idleBeats++
    this.#core.setTimer('progress', timing.deltaProgress)
    if (this.#roundsUsed() >= timing.rMax) this.#core.links.wishNext()
  }

  #onRoundStart(from: number, message: MessageOf<'round-start'>): void {
    const round = this.#round
    if (round === null || round.seqNr !== message.seqNr || round.candidate !== null) return
    if (round.query !== null) {
      if (!sameBytes(round.query, message.query))
        this.#core.fault('equivocation', from, { message: message.kind })
      return
    }
    // A query may be large and slow to decode.
    if (++round.startAttempts > MAX_ATTEMPTS) {
      this.#core.drop('too-many-attempts', from)
      return
    }
    try {
      this.#core.duty.checkQuery(message.query)
    } catch (error) {
      this.#core.fault('bad-query', from, { reason: reasonOf(error) })
      return
    }
    round.query = message.query
    this.#core.observe(
      message.seqNr,
      message.query,
      (observation) => this.#round === round && this.#onObserved(round, message.query, observation),
      (reason) => {
        if (this.#round !== round) return
        this.#core.fault('observe-failed', null, { seqNr: message.seqNr.toString(), reason })
      },
    )
  }

  #onObserved(round: Round, query: Uint8Array, observation: Uint8Array): void {
    const { options, epoch, leader } = this.#core
    if (observation.length > options.limits.observation) {
      const reason = `${observation.length} bytes are more than ${options.limits.observation}`
      this.#core.fault('observe-failed', null, { seqNr: round.seqNr.toString(), reason })
      return
    }
    const payload = observationSignedBytes(this.#position(round.seqNr), query, observation)
    this.#core.sign('observation', [BigInt(epoch), round.seqNr], payload, (signature) => {
      if (this.#round !== round) return
      this.#own = { payload, signature }
      const message = { kind: 'observation', epoch, seqNr: round.seqNr, observation, signature } as const
      if (leader === options.self) return this.#leader.onObservation(leader, message)
      // To the leader alone: broadcast observations would let lazy validators copy them.
      round.observation = this.#core.encode(message)
      this.#core.send(leader, round.observation)
    })
  }

  #onProposal(from: number, message: MessageOf<'proposal'>): void {
    const round = this.#round
    if (round === null || round.seqNr !== message.seqNr) return
    if (++round.proposalAttempts > MAX_ATTEMPTS) {
      this.#core.drop('too-many-attempts', from)
      return
    }
    const at = this.#position(message.seqNr)
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
    if (!own && !this.#isSound(from, at, message, { inputs, signatures, signed })) return
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
    this.#lastInputs = { hash, inputs }
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
    parts: { readonly inputs: Uint8Array; readonly signatures: Uint8Array; readonly signed: Uint8Array },
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
    try {
      for (const { observation } of observations) {
        this.#core.duty.validate(seqNr, query, this.#core.previousOutcome, observation)
      }
    } catch (error) {
      return refuse(reasonOf(error))
    }
    return true
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

  /** A round that outlived a whole DeltaResend lost something on the way. */
  resend(): void {
    const round = this.#round
    const stuck = round !== null && this.#atLastTick === round
    this.#atLastTick = round
    if (!stuck || round === null) return
    this.#leader.resend()
    if (round.candidate === null && round.observation !== null)
      this.#core.send(this.#core.leader, round.observation)
    if (round.prepare !== null) this.#core.broadcast(round.prepare)
    if (round.commit !== null) this.#core.broadcast(round.commit)
    round.askedForOutcome = false
  }
}
