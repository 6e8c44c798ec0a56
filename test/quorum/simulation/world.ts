import { type Hex, hexToBytes, keccak256 } from 'viem'
import type { SignatureRule } from '../../../node/ports/quorum.ts'
import { QUORUM_LIMITS, type QuorumLimits } from '../../../node/quorum/limits.ts'
import type { MachineOptions } from '../../../node/quorum/machine/core.ts'
import type { PureDuty } from '../../../node/quorum/machine/effects.ts'
import type { TimingParameters } from '../../../node/quorum/offchain-config.ts'
import { type Behaviour, Conspiracy } from './behaviour.ts'
import type { SimDuty } from './duties/duty.ts'
import { sourcedMedian } from './duties/median.ts'
import { Invariants, InvariantViolation, type Rule } from './invariants.ts'
import { simulatedKeys } from './keys.ts'
import { Locks } from './locks.ts'
import type { MedianSource } from './median.ts'
import { Network, type NetworkConditions } from './network.ts'
import { SimNode } from './node.ts'
import { Offences } from './offences.ts'
import { Random } from './random.ts'
import { Schedule } from './schedule.ts'
import { Trace } from './trace.ts'

export const FAST: TimingParameters = {
  deltaProgress: 2000,
  deltaResend: 500,
  deltaInitial: 1000,
  deltaRound: 100,
  deltaGrace: 40,
  deltaStage: 1000,
  rMax: 30,
}

const CONFIG_DIGEST = keccak256('0x1234')
/** Of every simulated configuration, 32 bytes; also what orders the leaders. */
export const SIMULATED_DIGEST: Uint8Array = hexToBytes(CONFIG_DIGEST)

export interface WorldOptions {
  readonly seed: number
  readonly n: number
  readonly f: number
  readonly timing?: Partial<TimingParameters>
  readonly limits?: QuorumLimits
  readonly network?: Partial<NetworkConditions>
  /** What each node observes, of a small numeric feed. */
  source?(node: number): MedianSource
  /** How many must sign a report: f+1 when absent. */
  readonly signatures?: SignatureRule
  /** Another duty than that. */
  duty?(random: Random): SimDuty
  readonly behaviours?: Readonly<Record<number, Behaviour>>
  /** Milliseconds that a write, or a signature, takes. */
  readonly diskMs?: readonly [number, number]
  readonly queryMs?: readonly [number, number]
  readonly observeMs?: readonly [number, number]
  /** Largest deviation of a node's clock from true speed. */
  readonly clockDrift?: number
  /** Hears of every line of the trace. */
  readonly onLine?: (line: string) => void
}

/** A whole network of machines in virtual time: one seed, one history. Invariants are checked as effects happen. */
export class World {
  readonly options: WorldOptions
  readonly schedule = new Schedule()
  readonly random: Random
  readonly timing: TimingParameters
  readonly limits: QuorumLimits
  readonly network: Network
  readonly keys: ReturnType<typeof simulatedKeys>
  readonly configDigest: Hex = CONFIG_DIGEST
  readonly digest = SIMULATED_DIGEST
  readonly duty: SimDuty
  readonly pureDuty: PureDuty
  readonly trace: Trace
  readonly invariants: Invariants
  readonly offences: Offences
  readonly locks: Locks
  readonly conspiracy: Conspiracy
  readonly nodes: SimNode[]
  /** Second machines of liars that have two, by oracle. */
  readonly twins = new Map<number, SimNode>()
  /** Share of the duty's calls that fail. */
  dutyFailure = 0
  /** Signatures that a history refused. */
  refusals = 0

  constructor(options: WorldOptions) {
    const { n, f } = options
    this.options = options
    this.random = new Random(options.seed)
    this.timing = { ...FAST, ...options.timing }
    this.limits = options.limits ?? QUORUM_LIMITS
    this.trace = new Trace(this.limits, options.onLine ?? null)
    this.keys = simulatedKeys(n)
    const { random, schedule, keys, limits, digest } = this
    this.network = new Network(options.network ?? {}, {
      schedule,
      random,
      deliver: (from, to, half, bytes) => {
        const node = half === 1 ? this.twins.get(to) : this.nodes[to]
        node?.receive(from, bytes)
      },
    })
    this.duty = options.duty?.(random) ?? sourcedMedian(options.source ?? (() => this.#source()))
    const { configDigest } = this
    const empty = new Uint8Array()
    const digestOf = () => configDigest
    const settings = { configDigest, digestOf, n, f, onchainConfig: empty, pluginConfig: empty }
    // Pure steps do not know whose they are.
    this.pureDuty = this.duty.bind({ ...settings, self: 0 })
    this.invariants = new Invariants(
      { n, f, digest, limits, signers: keys.signers, reportSignatures: this.#reportSignatures() },
      {
        duty: this.duty,
        pure: this.pureDuty,
        verification: keys.verification,
        honest: (node) => this.nodes[node]?.standing === 'honest',
        fail: (rule, message) => this.fail(rule, message),
      },
    )
    this.offences = new Offences({
      verification: keys.verification,
      signers: keys.signers,
      honest: (node) => this.nodes[node]?.standing === 'honest',
      guarded: (node) => this.nodes[node]?.guarded === true,
      fail: (rule, message) => this.fail(rule, message),
    })
    this.locks = new Locks(
      { n, f },
      {
        honest: (node) => this.nodes[node]?.standing === 'honest',
        fail: (rule, message) => this.fail(rule, message),
      },
    )
    const liars = new Set(Object.keys(options.behaviours ?? {}).map(Number))
    this.conspiracy = new Conspiracy(liars, {
      n,
      random,
      nodes: () => [...this.nodes, ...this.twins.values()],
    })
    if (liars.size > 0) this.conspiracy.divide()
    this.nodes = Array.from({ length: n }, (_, i) => new SimNode(this, i))
    for (const { index, behaviour } of this.nodes) {
      if (behaviour?.twins === true) this.twins.set(index, new SimNode(this, index, 1))
    }
    const drift = options.clockDrift ?? 0
    for (const node of [...this.nodes, ...this.twins.values()]) {
      if (drift > 0) node.clockRate = random.between(1 - drift, 1 + drift)
      node.boot()
    }
  }

  /** Never twice the same: what is observed again must not hide that something was forgotten. */
  #source(): MedianSource {
    return {
      query: (seqNr) => seqNr,
      observe: (seqNr) => 1000n * seqNr + BigInt(this.random.integer(1000)),
    }
  }

  #reportSignatures(): number {
    const { n, f, signatures } = this.options
    return signatures === 'quorum' ? Math.floor((n + f) / 2) + 1 : f + 1
  }

  machineOptions(self: number): MachineOptions {
    const { n, f } = this.options
    const { configDigest, digest, timing, limits, keys } = this
    return {
      configDigest,
      digest,
      n,
      f,
      self,
      timing,
      limits,
      leaderKey: digest,
      signers: keys.signers,
      reportSignatures: this.#reportSignatures(),
    }
  }

  get now(): number {
    return this.schedule.now
  }

  /** Outcomes by sequence number. */
  get outcomes(): ReadonlyMap<bigint, Uint8Array> {
    return this.invariants.outcomes
  }

  get attested(): ReadonlyMap<bigint, readonly Hex[]> {
    return this.invariants.attested
  }

  fail(rule: Rule, message: string): never {
    this.trace.add(this.now, -1, 'world', `VIOLATION of ${rule}: ${message}`)
    throw new InvariantViolation(
      rule,
      `seed ${this.options.seed}, t=${this.now.toFixed(1)} ms, ${rule}: ${message}`,
    )
  }

  at(delayMs: number, run: () => void): void {
    this.schedule.at(delayMs, run)
  }

  /** Runs until `done` or until the virtual deadline; true when `done`. */
  run(untilMs: number, done?: () => boolean): boolean {
    return this.schedule.run(untilMs, done)
  }

  /** Twins speak, each, to their half of the others, and to the same half of other twins. */
  send(from: SimNode, to: number, bytes: Uint8Array, delayMs: number): void {
    const receiverHasTwin = this.twins.has(to)
    const senderIsTwin = from.behaviour?.twins === true
    if (senderIsTwin && !receiverHasTwin && this.conspiracy.side(to) !== from.half) return
    const half = !receiverHasTwin ? 0 : senderIsTwin ? from.half : this.conspiracy.side(from.index)
    this.network.send(from.index, to, bytes, { half, delayMs })
  }

  honest(): SimNode[] {
    return this.nodes.filter((node) => node.standing === 'honest')
  }

  /** All of `nodes` are at `seqNr` or beyond. */
  reached(seqNr: bigint, nodes: readonly SimNode[] = this.honest()): boolean {
    return nodes.every((node) => node.committedSeqNr >= seqNr)
  }
}
