import { sameBytes } from '../bytes.ts'
import { type Certificate, compareRank, NO_HASH, rankOf } from '../certificate.ts'
import { QuorumCodecError } from '../errors.ts'
import type { MessageOf } from '../messages.ts'
import {
  commitSignedBytes,
  inputsHash,
  observationSignedBytes,
  prepareSignedBytes,
  type SignedPosition,
  sha256,
} from '../signed-bytes.ts'
import { type Core, reasonOf } from './core.ts'
import type { RoundInputs } from './effects.ts'
import { Leader } from './leader.ts'
import { type Candidate, type PrepareVote, Round, Seen } from './round.ts'

export type RoundMessage = MessageOf<
  'round-start' | 'idle' | 'observation' | 'proposal' | 'prepare' | 'commit'
>

/** Round starts, and proposals, that a leader gets looked at in one round. */
const MAX_ATTEMPTS = 4

/** A follower's part of the rounds, with the leader's beside it. */
export class Rounds {
  readonly #core: Core
  readonly #leader: Leader
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
    this.#stand(round, {
      inputsHash: prepared.inputsHash,
      outcomeHash: sha256(prepared.outcome),
      outcome: prepared.outcome,
      inputs: known !== null && sameBytes(known.hash, prepared.inputsHash) ? known.inputs : null,
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
        this.#onPrepare(from, message)
        return
      case 'commit':
        this.#onCommit(from, message)
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
    const { self } = this.#core.options
    const at = this.#position(message.seqNr)
    const hash = inputsHash(at, message.query, this.#core.previousOutcome, message.observations)
    if (round.candidate !== null) {
      if (round.proposalHash === null || !sameBytes(round.proposalHash, hash)) {
        this.#core.fault('equivocation', from, { message: message.kind })
      }
      return
    }
    if (round.query !== null && !sameBytes(round.query, message.query)) {
      this.#core.fault('equivocation', from, { message: message.kind })
      return
    }
    const problem = from === self ? null : this.#problem(at, message)
    if (problem !== null) {
      this.#core.fault('bad-proposal', from, { reason: problem })
      return
    }
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
    this.#stand(round, { inputsHash: hash, outcomeHash: sha256(outcome), outcome, inputs })
  }

  #problem(at: SignedPosition, message: MessageOf<'proposal'>): string | null {
    const { n, f, self } = this.#core.options
    const { query, observations, seqNr } = message
    if (observations.length < 2 * f + 1) return 'fewer than 2f+1 observations'
    for (const { oracle, observation, signature } of observations) {
      if (oracle >= n) return 'an observation of nobody'
      const payload = observationSignedBytes(at, query, observation)
      // This node's own signature over the same bytes needs no second look.
      const own = oracle === self && this.#own !== null && sameBytes(this.#own.signature, signature)
      if (own && sameBytes(this.#own?.payload ?? NO_HASH, payload)) continue
      if (!this.#core.verification.consensus(oracle, payload, signature)) {
        return `bad signature of oracle ${oracle}`
      }
    }
    try {
      for (const { observation } of observations) {
        this.#core.duty.validate(seqNr, query, this.#core.previousOutcome, observation)
      }
    } catch (error) {
      return reasonOf(error)
    }
    return null
  }

  /** Prepares an outcome: from now on this node stands for it in this round. */
  #stand(round: Round, candidate: Candidate): void {
    const { epoch } = this.#core
    round.candidate = candidate
    for (const { oracle, value } of round.prepares.all()) this.#compare(oracle, value, round, candidate)
    const payload = prepareSignedBytes(
      this.#position(round.seqNr),
      candidate.inputsHash,
      candidate.outcomeHash,
    )
    this.#core.sign('prepare', [BigInt(epoch), round.seqNr], payload, (signature) => {
      if (this.#round !== round) return
      const { inputsHash: inputs, outcomeHash } = candidate
      const vote = { inputsHash: inputs, outcomeHash, signature }
      round.prepares.add(this.#core.options.self, vote, true)
      round.prepare = this.#core.encode({ kind: 'prepare', epoch, seqNr: round.seqNr, ...vote })
      this.#core.broadcast(round.prepare)
      this.#tallyPrepares(round)
    })
    this.#tallyPrepares(round)
    this.#tallyCommits(round)
  }

  #onPrepare(from: number, message: MessageOf<'prepare'>): void {
    const round = this.#round
    if (round === null || round.prepares.has(from)) {
      this.#core.drop('repeated', from)
      return
    }
    round.prepares.add(from, message, false)
    if (round.candidate !== null) this.#compare(from, message, round, round.candidate)
    this.#tallyPrepares(round)
  }

  /** Another's prepare against the own: the first sign of a duty that is not deterministic. */
  #compare(oracle: number, vote: PrepareVote, round: Round, candidate: Candidate): void {
    const seqNr = round.seqNr.toString()
    if (!sameBytes(vote.inputsHash, candidate.inputsHash)) {
      // Either the leader showed two proposals or the peer lies: this node can't tell which.
      this.#core.fault('divergent-inputs', null, { seqNr, peer: oracle, leader: this.#core.leader })
    } else if (!sameBytes(vote.outcomeHash, candidate.outcomeHash)) {
      this.#core.fault('divergent-outcome', oracle, { seqNr })
    }
  }

  #tallyPrepares(round: Round): void {
    const { candidate } = round
    if (candidate === null || round.prepared) return
    const { epoch, verification } = this.#core
    const { inputsHash: inputs, outcomeHash, outcome } = candidate
    const payload = prepareSignedBytes(this.#position(round.seqNr), inputs, outcomeHash)
    const votes = round.prepares.collect(
      this.#core.quorum,
      (vote) => sameBytes(vote.inputsHash, inputs) && sameBytes(vote.outcomeHash, outcomeHash),
      (oracle, vote) => verification.consensus(oracle, payload, vote.signature),
      (oracle) => this.#core.fault('bad-signature', oracle, { message: 'prepare' }),
    )
    if (votes === null) return
    round.prepared = true
    const signatures = votes.map(({ oracle, value }) => ({ oracle, signature: value.signature }))
    const certificate: Certificate = {
      kind: 'prepare',
      epoch,
      seqNr: round.seqNr,
      inputsHash: inputs,
      outcome,
      signatures,
    }
    const bytes = this.#core.trust(certificate)
    if (compareRank(rankOf(certificate), rankOf(this.#core.highest)) > 0) this.#core.highest = certificate
    // On disk before the commit is signed: after any crash a quorum still knows what may have been committed.
    this.#core.save({ certificate: bytes }, () => {
      if (this.#round === round) this.#commit(round, outcomeHash)
    })
  }

  #commit(round: Round, outcomeHash: Uint8Array): void {
    const { epoch } = this.#core
    const payload = commitSignedBytes(this.#position(round.seqNr), outcomeHash)
    this.#core.sign('commit', [BigInt(epoch), round.seqNr], payload, (signature) => {
      if (this.#round !== round) return
      round.commits.add(this.#core.options.self, { outcomeHash, signature }, true)
      round.commit = this.#core.encode({ kind: 'commit', epoch, seqNr: round.seqNr, outcomeHash, signature })
      this.#core.broadcast(round.commit)
      this.#tallyCommits(round)
    })
  }

  #onCommit(from: number, message: MessageOf<'commit'>): void {
    const round = this.#round
    if (round === null || round.commits.has(from)) {
      this.#core.drop('repeated', from)
      return
    }
    round.commits.add(from, message, false)
    if (round.candidate !== null) this.#tallyCommits(round)
    // Others agreed on what this node has not seen: ask them.
    const others = round.commits.voters((vote) => sameBytes(vote.outcomeHash, message.outcomeHash))
    const known = round.candidate !== null && sameBytes(round.candidate.outcomeHash, message.outcomeHash)
    if (known || round.askedForOutcome || others.length < this.#core.quorum) return
    round.askedForOutcome = true
    this.#core.links.requestOutcome(others)
  }

  #tallyCommits(round: Round): void {
    const { candidate } = round
    if (candidate === null || round.committing) return
    const { outcomeHash, outcome } = candidate
    const payload = commitSignedBytes(this.#position(round.seqNr), outcomeHash)
    const votes = round.commits.collect(
      this.#core.quorum,
      (vote) => sameBytes(vote.outcomeHash, outcomeHash),
      (oracle, vote) => this.#core.verification.consensus(oracle, payload, vote.signature),
      (oracle) => this.#core.fault('bad-signature', oracle, { message: 'commit' }),
    )
    if (votes === null) return
    round.committing = true
    const signatures = votes.map(({ oracle, value }) => ({ oracle, signature: value.signature }))
    const { epoch } = this.#core
    const certificate: Certificate = {
      kind: 'commit',
      epoch,
      seqNr: round.seqNr,
      inputsHash: NO_HASH,
      outcome,
      signatures,
    }
    this.#core.trust(certificate)
    this.#core.links.adopt(certificate, candidate.inputs)
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
