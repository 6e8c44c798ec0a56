import { sameBytes } from '../bytes.ts'
import type { Certificate } from '../certificate.ts'
import type { MessageOf } from '../messages.ts'
import { observationSignedBytes, type SignedPosition, sha256 } from '../signed-bytes.ts'
import { Ballots } from './ballots.ts'
import { type Core, reasonOf } from './core.ts'
import type { RoundInputs } from './effects.ts'
import { Leader } from './leader.ts'
import { Proposals } from './proposals.ts'
import { Round, Seen } from './round.ts'

export type RoundMessage = MessageOf<
  'round-start' | 'idle' | 'observation' | 'proposal' | 'prepare' | 'commit'
>

/** Round starts that a leader gets looked at in one round. */
const MAX_ATTEMPTS = 4

/** A follower's part of the rounds, with the leader's beside it. */
export class Rounds {
  readonly #core: Core
  readonly #leader: Leader
  readonly #ballots: Ballots
  readonly #proposals: Proposals
  #round: Round | null = null
  #firstSeqNr = 1n
  #idleBeats = 0
  #judgedLately = false
  /** The round at the last tick: if it is still on at the next, something was lost. */
  #atLastTick: Round | null = null
  /** Who sent what of the last committed sequence number. */
  #seen: Seen

  constructor(core: Core) {
    this.#core = core
    this.#seen = new Seen(0n, core.options.n)
    this.#ballots = new Ballots(core, () => this.#round)
    this.#proposals = new Proposals(core, this.#ballots)
    this.#leader = new Leader(core, {
      onRoundStart: (from, message) => this.#onRoundStart(from, message),
      onOwnProposal: (message) => this.#proposals.onProposal(core.options.self, message, this.#round),
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
    this.#ballots.stand(round, {
      inputsHash: prepared.inputsHash,
      outcomeHash: sha256(prepared.outcome),
      outcome: prepared.outcome,
      inputs: this.#proposals.inputsOf(prepared.inputsHash),
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

  onLookTimer(): void {
    this.#leader.onLookTimer()
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
        this.#proposals.onProposal(from, message, this.#round)
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
      if (!sameBytes(round.query, message.query) || !isSameSeal(round.seal, message.seal))
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
      this.#leader.onNothingObserved()
      return
    }
    round.query = message.query
    round.seal = message.seal
    this.#core.observe(
      message.seqNr,
      message.query,
      (observation) => this.#round === round && this.#onObserved(round, message.query, observation),
      (reason) => {
        if (this.#round !== round) return
        this.#core.fault('observe-failed', null, { seqNr: message.seqNr.toString(), reason })
        this.#leader.onNothingObserved()
      },
    )
  }

  #onObserved(round: Round, query: Uint8Array, observation: Uint8Array): void {
    const { options, epoch, leader } = this.#core
    if (observation.length > options.limits.observation) {
      const reason = `${observation.length} bytes are more than ${options.limits.observation}`
      this.#core.fault('observe-failed', null, { seqNr: round.seqNr.toString(), reason })
      this.#leader.onNothingObserved()
      return
    }
    const payload = observationSignedBytes(this.#position(round.seqNr), query, observation)
    this.#core.sign('observation', [BigInt(epoch), round.seqNr], payload, (signature) => {
      if (this.#round !== round) return
      this.#proposals.observed(payload, signature)
      const message = { kind: 'observation', epoch, seqNr: round.seqNr, observation, signature } as const
      if (leader === options.self) return this.#leader.onObservation(leader, message)
      // To the leader alone: broadcast observations would let lazy validators copy them.
      round.observation = this.#core.encode(message)
      this.#core.send(leader, round.observation)
    })
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

/** A start that this node has not seen yet contradicts nothing. */
function isSameSeal(known: Uint8Array | null | undefined, said: Uint8Array | null): boolean {
  if (known === undefined) return true
  return known === null || said === null ? known === said : sameBytes(known, said)
}
