import type { QuorumSnapshot } from '../../ports/quorum.ts'
import {
  type Certificate,
  compareRank,
  decodeCertificate,
  encodeCertificate,
  rankOf,
} from '../certificate.ts'
import { QuorumCodecError, QuorumError } from '../errors.ts'
import { decodeMessage, type Message } from '../messages.ts'
import { leaderOf } from '../permutation.ts'
import { Attestation } from './attestation.ts'
import { CatchUp } from './catch-up.ts'
import { Core, type MachineModules, type MachineOptions } from './core.ts'
import type { Effect, Input, RoundInputs, TimerName } from './effects.ts'
import { EpochStart } from './epoch-start.ts'
import { LaterMessages } from './later.ts'
import { Pacemaker } from './pacemaker.ts'
import { type RoundMessage, Rounds } from './rounds.ts'

/** What can be seen of a machine from outside. */
export interface MachineView {
  readonly epoch: number
  readonly leader: number
  readonly started: boolean
  readonly committedSeqNr: bigint
  /** Epoch in which the last outcome was committed; 0 before any. */
  readonly committedEpoch: number
  readonly previousOutcome: Uint8Array | null
  readonly kept: number
}

/**
 * The protocol of one duty at one validator, as a state machine: inputs in, effects out. No clock, no I/O and no
 * randomness: the same inputs give the same effects. README: messages, states, invariants.
 */
export class QuorumMachine {
  readonly #core: Core
  readonly #pacemaker: Pacemaker
  readonly #epochStart: EpochStart
  readonly #rounds: Rounds
  readonly #attestation: Attestation
  readonly #catchUp: CatchUp
  readonly #later: LaterMessages
  /** The current epoch is durable: its messages may be acted on. */
  #entered = true
  /** Highest sequence number whose commit is being made durable. */
  #adopting = 0n
  #draining = false

  constructor(options: MachineOptions, modules: MachineModules) {
    this.#core = new Core(options, {
      ...modules,
      links: {
        epochLeft: () => this.#onEpochLeft(),
        epochEntered: () => this.#onEpochEntered(),
        epochStarted: (highest) => this.#rounds.begin(highest),
        wishNext: () => this.#pacemaker.wishNext(),
        adopt: (certificate, inputs) => this.#adopt(certificate, inputs),
        requestOutcome: (from) => this.#catchUp.request(from),
        pushOutcome: (peer) => this.#catchUp.push(peer),
      },
    })
    this.#pacemaker = new Pacemaker(this.#core)
    this.#epochStart = new EpochStart(this.#core)
    this.#rounds = new Rounds(this.#core)
    this.#attestation = new Attestation(this.#core)
    this.#catchUp = new CatchUp(this.#core, {
      epochStart: () => this.#epochStart.bytes,
      inputsOf: (certificate) => this.#rounds.inputsOf(certificate),
    })
    this.#later = new LaterMessages(options.n)
  }

  view(): MachineView {
    const { epoch, leader, started, committedSeqNr, previousOutcome, committed } = this.#core
    const committedEpoch = committed?.epoch ?? 0
    return { epoch, leader, started, committedSeqNr, committedEpoch, previousOutcome, kept: this.#later.size }
  }

  /** Begins, or resumes from what was saved. Throws `QUORUM_BAD_SNAPSHOT` when that can't be trusted. */
  start(snapshot: QuorumSnapshot): Effect[] {
    this.#restore(snapshot)
    this.#core.setTimer('resend', this.#core.options.timing.deltaResend)
    if (this.#core.epoch > 0) {
      this.#core.emit({ type: 'epoch', epoch: this.#core.epoch, leader: this.#core.leader })
      this.#epochStart.armTimers()
      this.#rounds.resume()
      // It may be that nobody is in this epoch any more; if others are, they give its start and this wish stays alone.
      this.#catchUp.request(Array.from({ length: this.#core.options.n }, (_, oracle) => oracle))
    }
    this.#pacemaker.wishNext()
    if (this.#core.committed !== null) this.#attestation.onCommitted(this.#core.committed, null)
    return this.#finish()
  }

  #restore(snapshot: QuorumSnapshot): void {
    try {
      if (snapshot.pacemaker !== null) this.#pacemaker.restore(snapshot.pacemaker)
      const committed = this.#restored(snapshot.committed)
      const certificate = this.#restored(snapshot.certificate)
      if (committed !== null && committed.kind !== 'commit')
        throw bad('the last outcome has no commit certificate')
      this.#core.committed = committed
      this.#core.highest = compareRank(rankOf(certificate), rankOf(committed)) > 0 ? certificate : committed
    } catch (cause) {
      if (cause instanceof QuorumCodecError) throw bad(cause.message, cause)
      throw cause
    }
  }

  #restored(bytes: Uint8Array | null): Certificate | null {
    if (bytes === null) return null
    const certificate = decodeCertificate(bytes, this.#core.options.limits)
    if (!this.#core.verifyCertificate(certificate)) throw bad('a certificate does not verify')
    return certificate
  }

  step(input: Input): Effect[] {
    switch (input.type) {
      case 'message':
        this.#onBytes(input.from, input.bytes)
        break
      case 'timer':
        this.#onTimer(input.timer)
        break
      case 'done':
        this.#core.settle(input.id, (waiter) => waiter.done(input.value))
        break
      case 'failed':
        this.#core.settle(input.id, (waiter) => waiter.failed(input.reason, input.kind))
        break
    }
    return this.#finish()
  }

  #finish(): Effect[] {
    this.#drain()
    return this.#core.takeEffects()
  }

  #onTimer(timer: TimerName): void {
    switch (timer) {
      case 'resend':
        this.#core.setTimer('resend', this.#core.options.timing.deltaResend)
        this.#pacemaker.resend()
        this.#epochStart.resend()
        this.#rounds.resend()
        this.#attestation.resend()
        this.#catchUp.tick()
        return
      case 'initial':
        if (!this.#core.started) this.#pacemaker.wishNext()
        return
      case 'progress':
        this.#pacemaker.wishNext()
        return
      case 'round':
        this.#rounds.onRoundTimer()
        return
      case 'look':
        this.#rounds.onLookTimer()
        return
      case 'grace':
        this.#rounds.onGraceTimer()
        return
    }
  }

  #onEpochLeft(): void {
    this.#entered = false
    this.#rounds.leave()
    this.#epochStart.reset()
  }

  #onEpochEntered(): void {
    this.#entered = true
    this.#epochStart.begin()
  }

  #adopt(certificate: Certificate, inputs: RoundInputs | null): void {
    const core = this.#core
    const { seqNr, epoch, outcome } = certificate
    if (seqNr <= core.committedSeqNr || seqNr <= this.#adopting) return
    this.#adopting = seqNr
    core.save({ committed: encodeCertificate(certificate, core.options.limits) }, () => {
      if (seqNr <= core.committedSeqNr) return
      core.committed = certificate
      if (compareRank(rankOf(certificate), rankOf(core.highest)) > 0) core.highest = certificate
      core.emit({ type: 'committed', seqNr, epoch, outcome, inputs })
      this.#attestation.onCommitted(certificate, inputs)
      this.#rounds.onCommitted()
    })
  }

  #onBytes(from: number, bytes: Uint8Array): void {
    const { n, self, limits } = this.#core.options
    if (!Number.isInteger(from) || from < 0 || from >= n || from === self) {
      this.#core.drop('unknown-sender', from)
      return
    }
    try {
      this.#onMessage(from, decodeMessage(bytes, limits), bytes.length)
    } catch (error) {
      if (!(error instanceof QuorumCodecError)) throw error
      this.#core.fault('bad-message', from, { problem: error.code })
    }
  }

  #onMessage(from: number, message: Message, size: number): void {
    switch (message.kind) {
      case 'wish':
        this.#pacemaker.onWish(from, message.epoch)
        return
      case 'report-signatures':
        this.#catchUp.claim(from, message.seqNr)
        this.#attestation.onSignatures(from, message)
        return
      case 'outcome-request':
        this.#catchUp.onRequest(from, message)
        return
      case 'outcome-response':
        this.#catchUp.onResponse(from, message)
        return
      case 'epoch-start-request':
      case 'epoch-start':
        if (message.epoch < this.#core.epoch) {
          this.#core.drop('stale', from)
          return
        }
        if (!this.#isDue(message)) {
          this.#keep(from, message, size)
          return
        }
        if (message.kind === 'epoch-start') {
          this.#epochStart.onStart(from, message)
          return
        }
        this.#epochStart.onRequest(from, message)
        return
      default:
        this.#onRoundMessage(from, message, size)
        return
    }
  }

  #onRoundMessage(from: number, message: RoundMessage, size: number): void {
    if (message.seqNr === 0n) {
      this.#core.fault('bad-message', from, { message: message.kind })
      return
    }
    this.#catchUp.claim(from, message.seqNr - 1n)
    if (message.epoch < this.#core.epoch) {
      this.#core.drop('stale', from)
      return
    }
    if (message.seqNr <= this.#core.committedSeqNr) {
      this.#rounds.onLate(from, message)
      return
    }
    if (!this.#isDue(message)) {
      this.#keep(from, message, size)
      return
    }
    this.#rounds.handle(from, message)
  }

  #isDue(message: Message): boolean {
    if (!('epoch' in message) || message.epoch !== this.#core.epoch || !this.#entered) return false
    if (message.kind === 'epoch-start' || message.kind === 'epoch-start-request') return true
    return this.#core.started && 'seqNr' in message && message.seqNr === this.#rounds.seqNr
  }

  #isStale(message: Message): boolean {
    if ('epoch' in message && message.epoch < this.#core.epoch) return true
    return 'seqNr' in message && message.seqNr <= this.#core.committedSeqNr
  }

  #keep(from: number, message: Message, size: number): void {
    const { leaderKey, n } = this.#core.options
    const leads = message.kind === 'round-start' || message.kind === 'proposal' || message.kind === 'idle'
    if (leads && leaderOf(leaderKey, message.epoch, n) !== from) {
      this.#core.fault('not-leader', from, { message: message.kind })
      return
    }
    if (!this.#later.add(from, message, size)) this.#core.drop('buffer-full', from)
  }

  /** Acts on kept messages whose time has come; doing so may make others due. */
  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    try {
      for (;;) {
        const due = this.#later.take(
          (message) => this.#isDue(message),
          (message) => this.#isStale(message),
        )
        if (due.length === 0) return
        for (const { from, message, size } of due) this.#onMessage(from, message, size)
      }
    } finally {
      this.#draining = false
    }
  }
}

function bad(why: string, cause?: unknown): QuorumError {
  return new QuorumError(
    'QUORUM_BAD_SNAPSHOT',
    `the saved state of the quorum can't be trusted: ${why}; restore a current backup of the database, or call setConfig: a new digest begins without this state. A validator that begins this one without it counts as faulty, so never more than f at a time`,
    { data: { why }, cause },
  )
}
