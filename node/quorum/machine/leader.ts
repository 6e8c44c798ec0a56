import type { SignedObservation } from '../../ports/quorum.ts'
import type { MessageOf } from '../messages.ts'
import {
  inputsHash,
  observationSeal,
  observationSignedBytes,
  proposalSignedBytes,
  sha256,
  signatureListBytes,
} from '../signed-bytes.ts'
import { type Core, reasonOf } from './core.ts'
import type { Round } from './round.ts'

/** Observations of one validator that a round looks at: the first, one sent again, and a contradiction. */
const MAX_ATTEMPTS = 4
/** With nothing to do, a leader looks again after such a part of DeltaRound: at the cost of what its duty reads for it. */
const LOOKS = 4

interface Led {
  readonly round: Round
  /** A look between two beats: the others hear of it only when there is something to do. */
  readonly quiet: boolean
  query: Uint8Array | null
  readonly observations: Map<number, SignedObservation>
  readonly attempts: Map<number, number>
  graceSet: boolean
  /** Nobody is asked before this node's own observation is there, or is known not to come. */
  sealing: boolean
  /** The set of observations is closed. */
  proposing: boolean
  roundStart: Uint8Array | null
  proposal: Uint8Array | null
}

/** What the leader's part needs of the follower's, on this same node. */
export interface OwnFollower {
  onRoundStart(from: number, message: MessageOf<'round-start'>): void
  /** The leader's own proposal: its signatures and observations are already checked. */
  onOwnProposal(message: MessageOf<'proposal'>): void
  onIdle(): void
  /** Rounds of this epoch are not used up. */
  mayStart(): boolean
}

/** Drives the rounds of an epoch: query, observations, proposal. Its lies cost an epoch at most. */
export class Leader {
  readonly #core: Core
  readonly #follower: OwnFollower
  #led: Led | null = null
  /** DeltaRound has passed since the last round start. */
  #ready = true
  #round: Round | null = null
  #resumedIn: number | null = null
  #abstains = false

  constructor(core: Core, follower: OwnFollower) {
    this.#core = core
    this.#follower = follower
  }

  /** A new round, or none: the epoch is being left. */
  onRound(round: Round | null): void {
    if (this.#led !== null) this.#core.cancelTimer('grace')
    this.#led = null
    this.#round = round
  }

  onEpoch(): void {
    this.#ready = true
    this.#abstains = this.#resumedIn === this.#core.epoch
  }

  /** After a restart it is not known what this leader already proposed in the epoch: it leads again from the next on. */
  abstain(): void {
    this.#resumedIn = this.#core.epoch
  }

  onRoundTimer(): void {
    this.#ready = true
    this.consider()
  }

  /** There was nothing to do a moment ago: sees whether there is now, so that it does not wait for all of DeltaRound. */
  onLookTimer(): void {
    if (!this.#ready) this.#ask(true)
  }

  /** Starts the next round when it is time for it. */
  consider(): void {
    if (this.#ready) this.#ask(false)
  }

  #ask(quiet: boolean): void {
    const round = this.#round
    if (round === null || !this.#core.isLeader() || !this.#core.started || this.#abstains) return
    if (this.#led !== null || round.candidate !== null || !this.#follower.mayStart()) return
    const { deltaRound } = this.#core.options.timing
    if (!quiet) {
      this.#ready = false
      this.#core.setTimer('round', deltaRound)
    }
    const led: Led = {
      ...{ round, quiet },
      query: null,
      observations: new Map(),
      attempts: new Map(),
      graceSet: false,
      sealing: false,
      proposing: false,
      roundStart: null,
      proposal: null,
    }
    this.#led = led
    this.#core.query(
      round.seqNr,
      (query) => this.#led === led && this.#onQuery(led, query),
      (reason) => {
        if (this.#led !== led) return
        this.#core.fault('query-failed', null, { seqNr: round.seqNr.toString(), reason })
        this.#again()
      },
    )
  }

  /** Asks the duty again once DeltaRound has passed. */
  #again(): void {
    this.#led = null
    this.consider()
  }

  #onQuery(led: Led, query: Uint8Array | null): void {
    const { epoch } = this.#core
    const { seqNr } = led.round
    const limit = this.#core.options.limits.query
    if (query !== null && query.length > limit) {
      const reason = `${query.length} bytes are more than ${limit}`
      this.#core.fault('query-failed', null, { seqNr: seqNr.toString(), reason })
      this.#again()
      return
    }
    const { deltaRound } = this.#core.options.timing
    if (query === null) {
      this.#core.setTimer('look', Math.ceil(deltaRound / LOOKS))
      if (!led.quiet) {
        this.#core.broadcast(this.#core.encode({ kind: 'idle', epoch, seqNr }))
        this.#follower.onIdle()
      }
      if (this.#led === led) this.#again()
      return
    }
    if (led.quiet) {
      this.#ready = false
      this.#core.setTimer('round', deltaRound)
    }
    led.query = query
    led.sealing = this.#core.duty.sealed
    if (!led.sealing) this.#start(led, query, null)
    this.#follower.onRoundStart(this.#core.options.self, {
      kind: 'round-start',
      epoch,
      seqNr,
      query,
      seal: null,
    })
  }

  /** Asks the others. */
  #start(led: Led, query: Uint8Array, seal: Uint8Array | null): void {
    led.sealing = false
    const { epoch } = this.#core
    led.roundStart = this.#core.encode({ kind: 'round-start', epoch, seqNr: led.round.seqNr, query, seal })
    this.#core.broadcast(led.roundStart)
  }

  /** This node has no observation of its own in this round: the others are asked without. */
  onNothingObserved(): void {
    const led = this.#led
    if (led?.sealing === true && led.query !== null) this.#start(led, led.query, null)
  }

  onObservation(from: number, message: MessageOf<'observation'>): void {
    const led = this.#led
    if (led === null || led.query === null || led.round.seqNr !== message.seqNr) {
      this.#core.drop('unexpected', from)
      return
    }
    const { observation, signature, seqNr, epoch } = message
    const { digest, self, n, f, timing } = this.#core.options
    const attempts = (led.attempts.get(from) ?? 0) + 1
    led.attempts.set(from, attempts)
    // Before anything is hashed: a query and an observation may be large.
    if (attempts > MAX_ATTEMPTS) {
      this.#core.drop('too-many-attempts', from)
      return
    }
    const payload = observationSignedBytes({ digest, epoch, seqNr }, led.query, observation)
    this.#core.witness.note({
      ...{ oracle: from, statement: 'observation', epoch, seqNr, from, signature, verified: false },
      content: payload,
      bytes: () => payload,
    })
    if (led.sealing) {
      // Nobody else was asked yet.
      if (from !== self) {
        this.#core.drop('unexpected', from)
        return
      }
      this.#start(led, led.query, observationSeal(payload, signature))
    }
    if (led.proposing) {
      this.#core.drop('late', from)
      return
    }
    if (led.observations.has(from)) {
      this.#core.drop('repeated', from)
      return
    }
    if (from !== self) {
      if (!this.#core.verification.consensus(from, payload, signature)) {
        const signed = { bytes: payload, signature }
        this.#core.badSignature(from, 'observation', { epoch, seqNr }, signed)
        return
      }
    }
    try {
      this.#core.duty.validate(seqNr, led.query, this.#core.previousOutcome, observation)
    } catch (error) {
      this.#core.fault('bad-observation', from, { seqNr: seqNr.toString(), reason: reasonOf(error) })
      return
    }
    led.observations.set(from, { oracle: from, observation, signature })
    if (led.observations.size === n) {
      this.#propose(led)
      return
    }
    if (led.observations.size < 2 * f + 1 || led.graceSet) return
    led.graceSet = true
    this.#core.setTimer('grace', timing.deltaGrace)
  }

  onGraceTimer(): void {
    if (this.#led?.graceSet && !this.#led.proposing) this.#propose(this.#led)
  }

  #propose(led: Led): void {
    const { query } = led
    if (query === null) return
    led.proposing = true
    this.#core.cancelTimer('grace')
    const observations = [...led.observations.values()].sort((a, b) => a.oracle - b.oracle)
    const { epoch, previousOutcome, options } = this.#core
    const { seqNr } = led.round
    const at = { digest: options.digest, epoch, seqNr }
    const payload = proposalSignedBytes(
      at,
      inputsHash(at, query, previousOutcome, observations),
      sha256(signatureListBytes(observations)),
    )
    this.#core.sign('proposal', [BigInt(epoch), seqNr], payload, (signature) => {
      if (this.#led !== led) return
      const message = { kind: 'proposal', epoch, seqNr, query, observations, signature } as const
      led.proposal = this.#core.encode(message)
      this.#core.broadcast(led.proposal)
      this.#follower.onOwnProposal(message)
    })
  }

  /** What the followers may have missed of the current round. */
  resend(): void {
    const { roundStart = null, proposal = null } = this.#led ?? {}
    if (roundStart !== null && (proposal === null || this.#core.duty.sealed)) this.#core.broadcast(roundStart)
    if (proposal !== null) this.#core.broadcast(proposal)
  }
}
