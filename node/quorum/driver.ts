import { hexToBytes } from 'viem'
import type { Hex, TxSender } from '../ports/chain.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import { IyiError } from '../ports/errors.ts'
import type { Logger } from '../ports/log.ts'
import type { MessageClass, PeerChannel, PeerTransport } from '../ports/network.ts'
import type { ConfigFields, Participation, QuorumStore, SignatureRule } from '../ports/quorum.ts'
import type { SigningSlot, ValidatorSigners } from '../ports/signer.ts'
import type { BoundDuty } from './bound-duty.ts'
import { quorumSize } from './certificate.ts'
import type { QuorumConfig } from './config.ts'
import type { VerificationFactory } from './consensus-key.ts'
import { Inbox } from './inbox.ts'
import type { Instruments } from './instruments.ts'
import { QUORUM_LIMITS } from './limits.ts'
import type { Effect, FaultCode, Input, RoundInputs } from './machine/effects.ts'
import { type MachineView, QuorumMachine } from './machine/machine.ts'
import { OffenceLog } from './offence-log.ts'
import { ParticipationLog } from './participation.ts'
import { abortOf, backoffMs, pause } from './pause.ts'
import { Persister } from './persister.ts'
import { SerialQueue } from './serial.ts'
import { sha256 } from './signed-bytes.ts'
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
/** Evidence that waits for the database: a record holds a round's observations. */
const MAX_EVIDENCE = 256
const SIGN_ATTEMPTS = 6
/** One line per fault code and oracle in this time. */
const FAULT_LOG_MS = 10_000

/** What the machine finds, or this driver about itself. */
interface DriverFault {
  readonly code: FaultCode | 'evidence-lost' | 'outcome-lost'
  readonly oracle: number | null
  readonly data: Readonly<Record<string, unknown>>
}

/** Runs one machine against the ports: one duty, one configuration, this validator. */
export class Driver {
  readonly #options: DriverOptions
  readonly #modules: DriverModules
  readonly #machine: QuorumMachine
  readonly #persister: Persister
  readonly #transmissions: Transmissions
  readonly #offences: OffenceLog
  readonly #participation: ParticipationLog
  readonly #ownFaults = new Map<string, number>()
  readonly #stop = new AbortController()
  readonly #timers = new Map<string, Timer>()
  readonly #traffic: readonly MessageClass[]
  readonly #inbox: Inbox
  readonly #signing = { consensus: new SerialQueue(256), report: new SerialQueue(256) }
  readonly #outcomes = new SerialQueue(MAX_OUTCOMES, () =>
    this.#onFault({ code: 'outcome-lost', oracle: null, data: { reason: 'the duty is too slow' } }),
  )
  readonly #evidence = new SerialQueue(MAX_EVIDENCE, () =>
    this.#evidenceLost({ reason: 'the database is too slow; the oldest record gives way' }),
  )
  readonly #lastObserved: (bigint | null)[]
  readonly #faults = new Map<string, { readonly at: number; silent: number }>()
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
    const onLost = (data: DriverFault['data']) => this.#onFault({ code: 'evidence-lost', oracle: null, data })
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

  /** Ends all work; resolves when the channel is closed and running calls have ended or `deadline` aborts. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#stop.abort()
    this.#work.abort()
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    this.#inbox.clear()
    const channel = this.#channel
    this.#channel = null
    const queues = [this.#signing.consensus, this.#signing.report, this.#outcomes, this.#evidence]
    const ended = Promise.all([
      channel?.close(),
      this.#offences.idle(),
      ...queues.map((queue) => queue.idle()),
    ])
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
      ownFaults: Object.fromEntries(this.#ownFaults),
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
        this.#sign(effect)
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
        this.#onFault(effect)
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

  /** Counts every fault and logs each kind now and then: a peer must not fill this node's disk. */
  #onFault({ code, oracle, data }: DriverFault): void {
    const { instruments, clock, log } = this.#modules
    // Two validators differ, and it does not show which of them is wrong.
    const culprit = oracle ?? (code === 'divergent-inputs' ? 'unknown' : 'self')
    instruments.fault(code, culprit)
    if (oracle !== null) this.#participation.fault(oracle, code)
    else if (culprit === 'self') this.#ownFaults.set(code, (this.#ownFaults.get(code) ?? 0) + 1)
    const key = `${code}/${culprit}`
    const last = this.#faults.get(key)
    const now = clock.monotonic()
    if (last !== undefined && now - last.at < FAULT_LOG_MS) {
      last.silent++
      return
    }
    this.#faults.set(key, { at: now, silent: 0 })
    log.warn({ code, oracle: culprit, ...data, notLogged: last?.silent ?? 0 }, 'saw a fault')
  }

  /** Feeds what became of an effect. */
  #answer(id: number, result: Promise<Uint8Array | null>): void {
    result.then(
      (value) => this.#feed({ type: 'done', id, value }),
      (error: unknown) => this.#feed({ type: 'failed', id, reason: reasonOf(error) }),
    )
  }

  /** A call of the duty that ends with its round, whether the duty listens to the signal or not. */
  #call(id: number, call: (signal: AbortSignal) => Promise<Uint8Array | null>): void {
    const { signal } = this.#work
    const result = Promise.resolve().then(() => call(signal))
    this.#answer(id, Promise.race([result, abortOf(signal).then(() => Promise.reject(signal.reason))]))
  }

  /** In order per key: a signer refuses a position below one it has signed. */
  #sign({ id, key, slot, payload }: Extract<Effect, { type: 'sign' }>): void {
    const taken = this.#signing[key].add(async () => {
      try {
        this.#feed({ type: 'done', id, value: await this.#signature(key, slot, payload) })
      } catch (error) {
        this.#feed({ type: 'failed', id, reason: reasonOf(error) })
      }
    })
    if (!taken) this.#feed({ type: 'failed', id, reason: 'too many signatures wait' })
  }

  async #signature(key: 'consensus' | 'report', slot: SigningSlot, payload: Uint8Array): Promise<Uint8Array> {
    const { signers, clock } = this.#modules
    const { signal } = this.#stop
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted()
      try {
        return await signers[key].sign(slot, payload)
      } catch (error) {
        if (!(error instanceof IyiError) || !error.retry || attempt + 1 >= SIGN_ATTEMPTS) throw error
        await pause(clock, backoffMs(attempt, 50, 1000), signal)
      }
    }
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

  /** The contract waits for the report, nobody for the evidence: a slow database must not make the report late. */
  #onAttested(effect: Extract<Effect, { type: 'attested' }>): void {
    const { seqNr, outcome, inputs, reports, all, complete } = effect
    if (complete) this.#modules.instruments.attested()
    this.#transmissions.schedule(seqNr, outcome, reports)
    if (inputs !== null) this.#evidence.add(() => this.#saveEvidence(seqNr, outcome, inputs, all))
  }

  #evidenceLost(data: DriverFault['data']): void {
    this.#onFault({ code: 'evidence-lost', oracle: null, data })
  }

  async #saveEvidence(
    seqNr: bigint,
    outcome: Uint8Array,
    inputs: RoundInputs,
    reports: Extract<Effect, { type: 'attested' }>['reports'],
  ): Promise<void> {
    const { store, clock, log } = this.#modules
    const { configDigest } = this.#options.config
    const { epoch, leader, query, observations } = inputs
    const recordedAt = clock.now()
    // Once even when stopping: what waits then is written if the database lets it.
    for (let attempt = 0; attempt === 0 || (attempt < 4 && !this.#stop.signal.aborted); attempt++) {
      try {
        const dutyId = this.#options.duty.id
        const round = { dutyId, configDigest, seqNr, epoch, leader, query, observations }
        await store.saveEvidence({ ...round, outcome, reports, recordedAt })
        return
      } catch (error) {
        log.warn({ seqNr: seqNr.toString(), error, attempt }, 'saving evidence failed')
        await pause(clock, backoffMs(attempt, 50, 1000), this.#stop.signal)
      }
    }
    this.#evidenceLost({ seqNr: seqNr.toString(), reason: 'it could not be written' })
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
