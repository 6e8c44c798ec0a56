import { hexToBytes } from 'viem'
import type { Hex, TxSender } from '../ports/chain.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import { IyiError } from '../ports/errors.ts'
import type { Logger } from '../ports/log.ts'
import type { MessageClass, PeerChannel, PeerTransport } from '../ports/network.ts'
import type { ConfigFields, Participation, QuorumStore, SignatureRule } from '../ports/quorum.ts'
import type { ValidatorSigners } from '../ports/signer.ts'
import type { BoundDuty } from './bound-duty.ts'
import { quorumSize } from './certificate.ts'
import type { QuorumConfig } from './config.ts'
import type { VerificationFactory } from './consensus-key.ts'
import { QuorumError } from './errors.ts'
import { type Fault, FaultLog } from './fault-log.ts'
import { Inbox } from './inbox.ts'
import type { Instruments } from './instruments.ts'
import { QUORUM_LIMITS } from './limits.ts'
import type { Effect, FailureKind, Input } from './machine/effects.ts'
import { type MachineView, QuorumMachine } from './machine/machine.ts'
import { OffenceLog } from './offence-log.ts'
import { ParticipationLog } from './participation.ts'
import { abortOf, unlessAborted } from './pause.ts'
import { Persister } from './persister.ts'
import { RoundEvidence } from './round-evidence.ts'
import { SerialQueue } from './serial.ts'
import { sha256 } from './signed-bytes.ts'
import { SigningDesk } from './signing-desk.ts'
import { quorumTraffic } from './traffic.ts'
import { Transmissions } from './transmissions.ts'

export interface DriverOptions {
  readonly config: QuorumConfig
  readonly self: number
  readonly duty: BoundDuty
  /** The shared secret of the configuration, opened. */
  readonly secret: Uint8Array
  /** The configuration with a digest that this quorum signs for: its own or that of a destination. */
  readonly configurationOf: (digest: Hex) => ConfigFields | null
  /** The machine broke: start again from the store. */
  readonly onFatal: (error: unknown) => void
}

export interface DriverModules {
  readonly transport: PeerTransport
  readonly store: QuorumStore
  readonly signers: ValidatorSigners
  readonly verification: VerificationFactory
  readonly sender: TxSender
  readonly clock: Clock
  readonly log: Logger
  readonly instruments: Instruments
}

/** Outcomes that wait for the plugin; the newest one matters most, so the oldest gives way. */
const MAX_OUTCOMES = 1024

/** Runs one machine against the ports: one duty, one configuration, this validator. */
export class Driver {
  readonly #options: DriverOptions
  readonly #modules: DriverModules
  readonly #machine: QuorumMachine
  readonly #persister: Persister
  readonly #transmissions: Transmissions
  readonly #offences: OffenceLog
  readonly #participation: ParticipationLog
  readonly #faults: FaultLog
  readonly #desk: SigningDesk
  readonly #evidence: RoundEvidence
  readonly #stop = new AbortController()
  readonly #timers = new Map<string, Timer>()
  readonly #traffic: readonly MessageClass[]
  readonly #inbox: Inbox
  readonly #outcomes = new SerialQueue(MAX_OUTCOMES, () =>
    this.#faults.add({ code: 'outcome-lost', oracle: null, data: { reason: 'the duty is too slow' } }),
  )
  readonly #lastObserved: (bigint | null)[]
  #work = new AbortController()
  #channel: PeerChannel | null = null
  #observedAt: { readonly seqNr: bigint; readonly at: number } | null = null
  #lastOutcomeAt: number | null = null

  constructor(options: DriverOptions, modules: DriverModules) {
    this.#options = options
    this.#modules = modules
    const { config, self, duty, secret, configurationOf } = options
    const { configDigest, oracles, timing, f } = config
    const n = oracles.length
    const digest = hexToBytes(configDigest)
    const signal = this.#stop.signal
    this.#lastObserved = new Array<bigint | null>(n).fill(null)
    this.#machine = new QuorumMachine(
      {
        configDigest,
        digest,
        n,
        f,
        self,
        timing,
        limits: QUORUM_LIMITS,
        leaderKey: orderingKey('leader', digest, secret),
        signers: oracles.map(({ signer }) => signer),
        reportSignatures: requiredSignatures(duty.signatures, n, f),
      },
      {
        duty,
        verification: modules.verification(oracles),
      },
    )
    this.#traffic = quorumTraffic(timing, n, QUORUM_LIMITS)
    this.#inbox = new Inbox(
      { maxMessageBytes: Math.max(...this.#traffic.map(({ maxBytes }) => maxBytes)) },
      {
        step: (input) => this.#step(input),
        later: (run) => void setImmediate(run),
        onDrop: () => modules.instruments.drop('inbox-full'),
      },
    )
    this.#persister = new Persister({ instance: configDigest, signal }, modules)
    this.#transmissions = new Transmissions(
      {
        duty,
        key: orderingKey('transmission', digest, secret),
        n,
        self,
        deltaStageMs: timing.deltaStage,
        signal,
      },
      modules,
    )
    this.#participation = new ParticipationLog(n, {
      onObserved: (oracle) => modules.instruments.observed(oracle),
      onVoted: (oracle, latenessMs) => modules.instruments.voted(oracle, latenessMs / 1000),
    })
    this.#faults = new FaultLog(this.#participation, modules)
    this.#desk = new SigningDesk({ signal }, modules)
    const onLost = (data: Fault['data']) => this.#faults.add({ code: 'evidence-lost', oracle: null, data })
    this.#evidence = new RoundEvidence({ signal, onLost }, modules)
    this.#offences = new OffenceLog(
      { dutyId: duty.id, configDigest, configurationOf, signal, onLost },
      modules,
    )
  }

  /** Resumes from the store and joins the others. Rejects with `StoreError`, `NetworkError` or `QUORUM_BAD_SNAPSHOT`. */
  async start(): Promise<void> {
    const { config, self, duty } = this.#options
    const snapshot = await this.#modules.store.load(config.configDigest)
    this.#channel = await this.#modules.transport.open({
      channel: config.configDigest,
      peers: config.oracles.map(({ peerKey }) => hexToBytes(peerKey)),
      self,
      classes: this.#traffic,
      onMessage: (from, bytes) => {
        this.#modules.instruments.message('in')
        this.#feed({ type: 'message', from, bytes })
      },
    })
    if (this.#stop.signal.aborted) {
      await this.#channel.close()
      return
    }
    const effects = this.#machine.start(snapshot)
    const { committedSeqNr, committedEpoch, previousOutcome } = this.#machine.view()
    // It is not known whether the duty heard of it before the crash: better twice than never.
    if (previousOutcome !== null) this.#tell(duty, committedSeqNr, committedEpoch, previousOutcome)
    this.#guarded(() => this.#performAll(effects))
    this.#inbox.open()
  }

  /**
   * Ends all work; resolves when the channel is closed and what was begun to be signed, told and written is done, or
   * `deadline` aborts. Calls of the duty that don't listen to their signal are not waited for.
   */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#stop.abort()
    this.#work.abort()
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    this.#inbox.clear()
    const channel = this.#channel
    this.#channel = null
    const waiting = [this.#desk, this.#outcomes, this.#evidence, this.#offences]
    const ended = Promise.all([channel?.close(), ...waiting.map((each) => each.idle())])
    await Promise.race([ended, abortOf(deadline)])
  }

  view(): MachineView & {
    readonly lastOutcomeAt: number | null
    readonly lastObserved: readonly (bigint | null)[]
    readonly connected: readonly number[]
    readonly storeFailing: boolean
    readonly participation: readonly Participation[]
    readonly ownFaults: Readonly<Record<string, number>>
  } {
    return {
      ...this.#machine.view(),
      lastOutcomeAt: this.#lastOutcomeAt,
      lastObserved: this.#lastObserved,
      connected: this.#channel?.connected() ?? [],
      storeFailing: this.#persister.failing,
      participation: this.#lastObserved.map((_, oracle) =>
        this.#participation.of(oracle, this.#options.self),
      ),
      ownFaults: this.#faults.own,
    }
  }

  #feed(input: Input): void {
    if (this.#stop.signal.aborted) return
    this.#inbox.add(input)
  }

  #step(input: Input): void {
    if (this.#stop.signal.aborted) return
    this.#guarded(() => this.#performAll(this.#machine.step(input)))
  }

  /** A throw out of the machine is a defect: its state is not to be used any further. */
  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#stop.abort()
      this.#modules.log.error({ error }, 'the protocol failed; it is started again from what is saved')
      this.#options.onFatal(error)
    }
  }

  #performAll(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (this.#stop.signal.aborted) return
      this.#perform(effect)
    }
  }

  #perform(effect: Effect): void {
    const { instruments, clock, log } = this.#modules
    switch (effect.type) {
      case 'send':
        instruments.message('out')
        this.#channel?.send(effect.to, effect.bytes)
        return
      case 'broadcast':
        instruments.message('out')
        this.#options.config.oracles.forEach((_, to) => {
          if (to !== this.#options.self) this.#channel?.send(to, effect.bytes)
        })
        return
      case 'save':
        this.#answer(
          effect.id,
          this.#persister.save(effect.change).then(() => null),
        )
        return
      case 'sign':
        this.#answer(effect.id, this.#desk.sign(effect.key, effect.slot, effect.payload))
        return
      case 'query':
        this.#call(effect.id, (signal) => this.#options.duty.query(effect.seqNr, effect.previous, signal))
        return
      case 'observe':
        this.#observedAt = { seqNr: effect.seqNr, at: clock.monotonic() }
        this.#call(effect.id, (signal) =>
          this.#options.duty.observe(effect.seqNr, effect.query, effect.previous, signal),
        )
        return
      case 'abort-work':
        this.#work.abort()
        this.#work = new AbortController()
        return
      case 'set-timer':
        this.#timers.get(effect.timer)?.cancel()
        this.#timers.set(
          effect.timer,
          clock.setTimer(effect.delayMs, () => {
            this.#timers.delete(effect.timer)
            this.#feed({ type: 'timer', timer: effect.timer })
          }),
        )
        return
      case 'cancel-timer':
        this.#timers.get(effect.timer)?.cancel()
        this.#timers.delete(effect.timer)
        return
      case 'epoch':
        instruments.epoch(effect.epoch)
        log.debug({ epoch: effect.epoch, leader: effect.leader }, 'entered an epoch')
        return
      case 'committed':
        this.#onCommitted(effect)
        return
      case 'attested':
        this.#onAttested(effect)
        return
      case 'fault':
        this.#faults.add(effect)
        return
      case 'offence':
        instruments.offence(effect.offence.offence, effect.offence.oracle)
        this.#offences.add(effect.offence)
        return
      case 'prepared':
        this.#participation.prepared(effect.seqNr, clock.monotonic())
        return
      case 'voted':
        this.#participation.voted(effect.oracle, effect.seqNr, clock.monotonic())
        return
      case 'drop':
        instruments.drop(effect.reason)
        return
    }
  }

  /** Feeds what became of an effect. */
  #answer(id: number, result: Promise<Uint8Array | null>): void {
    result.then(
      (value) => this.#feed({ type: 'done', id, value }),
      (error: unknown) => this.#feed({ type: 'failed', id, reason: reasonOf(error), ...kindOf(error) }),
    )
  }

  /** A call of the duty that ends with its round, whether the duty listens to the signal or not. */
  #call(id: number, call: (signal: AbortSignal) => Promise<Uint8Array | null>): void {
    const { signal } = this.#work
    const result = Promise.resolve().then(() => call(signal))
    this.#answer(id, unlessAborted(result, signal))
  }

  #onCommitted({ seqNr, epoch, outcome, inputs }: Extract<Effect, { type: 'committed' }>): void {
    const { clock, instruments } = this.#modules
    const started = this.#observedAt?.seqNr === seqNr ? this.#observedAt.at : null
    instruments.committed(seqNr, started === null ? null : (clock.monotonic() - started) / 1000)
    this.#lastOutcomeAt = clock.now()
    if (inputs !== null) {
      const observers = inputs.observations.map(({ oracle }) => oracle)
      for (const oracle of observers) this.#lastObserved[oracle] = seqNr
      this.#participation.committed(seqNr, observers)
    }
    this.#tell(this.#options.duty, seqNr, epoch, outcome)
  }

  #tell(duty: BoundDuty, seqNr: bigint, epoch: number, outcome: Uint8Array): void {
    const { log } = this.#modules
    this.#outcomes.add(async () => {
      if (this.#stop.signal.aborted) return
      try {
        await duty.onOutcome(seqNr, epoch, outcome)
      } catch (error) {
        log.error({ seqNr: seqNr.toString(), error }, 'the duty failed on an outcome')
      }
    })
  }

  #onAttested(effect: Extract<Effect, { type: 'attested' }>): void {
    const { seqNr, outcome, inputs, reports, all, complete } = effect
    if (complete) this.#modules.instruments.attested()
    this.#transmissions.schedule(seqNr, outcome, reports)
    if (inputs === null) return
    const { duty, config } = this.#options
    const { epoch, leader, query, observations } = inputs
    const round = { dutyId: duty.id, configDigest: config.configDigest, seqNr, epoch, leader }
    this.#evidence.add({ ...round, query, observations, outcome, reports: all })
  }
}

/** Keys of the keyed permutations, 32 bytes, different per purpose; known to the validators alone. */
function orderingKey(purpose: 'leader' | 'transmission', digest: Uint8Array, secret: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([Buffer.from(`iyi-quorum-${purpose}`), digest, secret]))
}

/** Signatures that a report needs under a duty's rule. */
export function requiredSignatures(rule: SignatureRule, n: number, f: number): number {
  return rule === 'quorum' ? quorumSize(n, f) : f + 1
}

function reasonOf(error: unknown): string {
  if (error instanceof IyiError) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

function kindOf(error: unknown): { readonly kind?: FailureKind } {
  if (error instanceof QuorumError && error.code === 'QUORUM_SUPERSEDED') return { kind: 'superseded' }
  return error instanceof IyiError && error.retry ? { kind: 'passing' } : {}
}
