import { bytesToHex, type Hex, hexToBytes, keccak256 } from 'viem'
import type { Offence, QuorumSnapshot } from '../../../node/ports/quorum.ts'
import type { SigningSlot } from '../../../node/ports/signer.ts'
import { type BoundDuty, bindDuty } from '../../../node/quorum/bound-duty.ts'
import { ByteReader } from '../../../node/quorum/bytes.ts'
import { decodeCertificate } from '../../../node/quorum/certificate.ts'
import { QUORUM_LIMITS } from '../../../node/quorum/limits.ts'
import type { Effect, Input } from '../../../node/quorum/machine/effects.ts'
import { QuorumMachine } from '../../../node/quorum/machine/machine.ts'
import { decodeMessage, type Message } from '../../../node/quorum/messages.ts'
import type { TimingParameters } from '../../../node/quorum/offchain-config.ts'
import { simulatedKeys } from './keys.ts'
import { type MedianSource, medianDuty, u64Codec } from './median.ts'
import { Random } from './random.ts'

export const FAST: TimingParameters = {
  deltaProgress: 2000,
  deltaResend: 500,
  deltaInitial: 1000,
  deltaRound: 100,
  deltaGrace: 40,
  deltaStage: 1000,
  rMax: 30,
}

export interface NetworkConditions {
  minDelayMs: number
  maxDelayMs: number
  loss: number
  duplicate: number
  /** False: nothing gets through. */
  link(from: number, to: number): boolean
}

/** How a node deviates. Absent: honest. */
export interface Behaviour {
  /** Replaces what goes to one peer; an empty list sends nothing. */
  outgoing?(node: SimNode, to: number, bytes: Uint8Array, message: Message): readonly Uint8Array[]
  /** Its signer signs anything. */
  unguarded?: boolean
  /** Called now and then. */
  tick?(node: SimNode): void
}

export interface WorldOptions {
  readonly seed: number
  readonly n: number
  readonly f: number
  readonly timing?: Partial<TimingParameters>
  readonly network?: Partial<NetworkConditions>
  /** What each node observes. */
  source?(node: number): MedianSource
  behaviours?: Readonly<Record<number, Behaviour>>
  /** Milliseconds that a write or a signature takes. */
  readonly diskMs?: readonly [number, number]
}

export class InvariantViolation extends Error {}

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** A whole network of machines in virtual time: one seed, one history. Invariants are checked as effects happen. */
export class World {
  readonly options: WorldOptions
  readonly random: Random
  readonly timing: TimingParameters
  readonly network: NetworkConditions
  readonly keys: ReturnType<typeof simulatedKeys>
  readonly configDigest: Hex = keccak256('0x1234')
  readonly nodes: SimNode[]
  /** The one outcome of each sequence number, by whoever committed it first. */
  readonly outcomes = new Map<bigint, Hex>()
  readonly attested = new Map<bigint, Hex>()
  now = 0
  #order = 0
  #heap: Event[] = []

  constructor(options: WorldOptions) {
    this.options = options
    this.random = new Random(options.seed)
    this.timing = { ...FAST, ...options.timing }
    this.network = {
      minDelayMs: 1,
      maxDelayMs: 15,
      loss: 0,
      duplicate: 0,
      link: () => true,
      ...options.network,
    }
    this.keys = simulatedKeys(options.n)
    this.nodes = Array.from({ length: options.n }, (_, i) => new SimNode(this, i))
    for (const node of this.nodes) node.boot()
  }

  fail(message: string): never {
    throw new InvariantViolation(`seed ${this.options.seed}, t=${this.now.toFixed(1)} ms: ${message}`)
  }

  at(delayMs: number, run: () => void): void {
    const event = { at: this.now + delayMs, order: this.#order++, run }
    const heap = this.#heap
    heap.push(event)
    let i = heap.length - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(heap[i], heap[parent])) break
      ;[heap[i], heap[parent]] = [heap[parent] as Event, heap[i] as Event]
      i = parent
    }
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    heap[0] = last
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      const right = left + 1
      let least = i
      if (left < heap.length && before(heap[left], heap[least])) least = left
      if (right < heap.length && before(heap[right], heap[least])) least = right
      if (least === i) return top
      ;[heap[i], heap[least]] = [heap[least] as Event, heap[i] as Event]
      i = least
    }
  }

  /** Runs until `done` or until the virtual deadline; true when `done`. */
  run(untilMs: number, done: () => boolean = () => false): boolean {
    while (!done()) {
      const next = this.#heap[0]
      if (next === undefined || next.at > untilMs) {
        this.now = untilMs
        return done()
      }
      this.#pop()
      this.now = next.at
      next.run()
    }
    return true
  }

  deliver(from: number, to: number, bytes: Uint8Array): void {
    const { minDelayMs, maxDelayMs, loss, duplicate } = this.network
    const copies = this.random.chance(duplicate) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      if (this.random.chance(loss) || !this.network.link(from, to)) continue
      this.at(this.random.between(minDelayMs, maxDelayMs), () => {
        if (this.network.link(from, to)) this.nodes[to]?.input({ type: 'message', from, bytes })
      })
    }
  }

  honest(): SimNode[] {
    return this.nodes.filter((node) => node.behaviour === undefined)
  }

  /** All of `nodes` are at `seqNr` or beyond. */
  reached(seqNr: bigint, nodes: readonly SimNode[] = this.honest()): boolean {
    return nodes.every((node) => node.committedSeqNr >= seqNr)
  }
}

function before(a: Event | undefined, b: Event | undefined): boolean {
  if (a === undefined || b === undefined) return false
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** One validator: a machine, its disk, and its signing history. Disk and history outlive a crash. */
export class SimNode {
  readonly world: World
  readonly index: number
  readonly behaviour: Behaviour | undefined
  readonly faults: { code: string; oracle: number | null; data: Readonly<Record<string, unknown>> }[] = []
  readonly offences: Offence[] = []
  readonly sent: Record<string, number> = {}
  /** The last messages received, kept for misbehaving nodes alone. */
  readonly heard: { from: number; bytes: Uint8Array; message: Message }[] = []
  disk: QuorumSnapshot = { pacemaker: null, certificate: null, committed: null }
  machine: QuorumMachine | null = null
  committedSeqNr = 0n
  epochs = 0
  /** Answers of the next writes: for tests of a failing database. */
  failWrites = false
  #life = 0
  #started = false
  #timers = new Map<string, number>()
  #timerId = 0
  readonly #history = new Map<string, { position: readonly [bigint, bigint]; payload: Hex }>()
  readonly #signed = new Map<string, Hex>()
  #duty: BoundDuty | null = null
  readonly source: MedianSource

  constructor(world: World, index: number) {
    this.world = world
    this.index = index
    this.behaviour = world.options.behaviours?.[index]
    this.source = world.options.source?.(index) ?? {
      query: (seqNr) => seqNr,
      // Never twice the same: what is observed again must not hide that something was forgotten.
      observe: (seqNr) => 1000n * seqNr + BigInt(world.random.integer(1000)),
    }
  }

  boot(): void {
    const { world } = this
    const { n, f } = world.options
    this.#life++
    this.#timers.clear()
    const settings = {
      configDigest: world.configDigest,
      digestOf: () => world.configDigest,
      n,
      f,
      self: this.index,
      onchainConfig: new Uint8Array(),
      pluginConfig: new Uint8Array(),
    }
    const contract = { chainId: 1, address: '0x00000000000000000000000000000000000000aa' } as const
    this.#duty = bindDuty(medianDuty('test/median', contract, this.source), settings)
    this.machine = new QuorumMachine(
      {
        configDigest: world.configDigest,
        digest: hexToBytes(world.configDigest),
        n,
        f,
        self: this.index,
        timing: world.timing,
        limits: QUORUM_LIMITS,
        leaderKey: hexToBytes(world.configDigest),
        signers: world.keys.signers,
        reportSignatures: f + 1,
      },
      { duty: this.#duty, verification: world.keys.verification },
    )
    const life = this.#life
    const { machine } = this
    const snapshot = this.disk
    this.#started = false
    world.at(world.random.between(0, 20), () => {
      if (life !== this.#life) return
      this.#started = true
      this.#perform(machine.start(snapshot))
    })
    if (this.behaviour?.tick !== undefined) this.#tick(life)
  }

  #tick(life: number): void {
    this.world.at(this.world.random.between(5, 60), () => {
      if (life !== this.#life) return
      this.behaviour?.tick?.(this)
      this.#tick(life)
    })
  }

  crash(): void {
    // Each write on its way comes through or not; none comes after the next start.
    for (const write of this.#writing) if (this.world.random.chance(0.5)) write()
    this.#writing.clear()
    this.#life++
    this.machine = null
    this.#timers.clear()
  }

  input(input: Input): void {
    if (this.machine === null || !this.#started) return
    if (this.behaviour !== undefined && input.type === 'message') this.#hear(input.from, input.bytes)
    this.#perform(this.machine.step(input))
  }

  #hear(from: number, bytes: Uint8Array): void {
    try {
      this.heard.push({ from, bytes, message: decodeMessage(bytes, QUORUM_LIMITS) })
      if (this.heard.length > 64) this.heard.shift()
    } catch {
      // Another's noise.
    }
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#do(effect)
    const kept = this.machine?.view().kept ?? 0
    if (kept > 32 * this.world.options.n) this.world.fail(`node ${this.index} keeps ${kept} messages`)
  }

  #later(delayMs: number, run: () => void): void {
    const life = this.#life
    this.world.at(delayMs, () => {
      if (life === this.#life) run()
    })
  }

  #diskMs(): number {
    const [min, max] = this.world.options.diskMs ?? [0.1, 4]
    return this.world.random.between(min, max)
  }

  #do(effect: Effect): void {
    const { world } = this
    switch (effect.type) {
      case 'broadcast':
        for (let to = 0; to < world.options.n; to++) if (to !== this.index) this.#send(to, effect.bytes)
        return
      case 'send':
        this.#send(effect.to, effect.bytes)
        return
      case 'save':
        this.#save(effect.id, effect.change)
        return
      case 'sign':
        this.#sign(effect)
        return
      case 'query':
        this.#later(world.random.between(0, 2), () => {
          const query = this.source.query(effect.seqNr)
          this.input({
            type: 'done',
            id: effect.id,
            value: query === null ? null : u64Codec.encode(query),
          })
        })
        return
      case 'observe':
        this.#later(world.random.between(0, 10), () => {
          const value = this.source.observe(effect.seqNr, u64Codec.decode(effect.query))
          this.input({ type: 'done', id: effect.id, value: u64Codec.encode(value) })
        })
        return
      case 'set-timer': {
        const id = ++this.#timerId
        this.#timers.set(effect.timer, id)
        this.#later(effect.delayMs, () => {
          if (this.#timers.get(effect.timer) !== id) return
          this.#timers.delete(effect.timer)
          this.input({ type: 'timer', timer: effect.timer })
        })
        return
      }
      case 'cancel-timer':
        this.#timers.delete(effect.timer)
        return
      case 'epoch':
        this.epochs++
        return
      case 'committed':
        this.#onCommitted(effect)
        return
      case 'attested':
        this.#onAttested(effect)
        return
      case 'fault':
        this.faults.push(effect)
        return
      case 'offence':
        this.offences.push(effect.offence)
        return
      case 'prepared':
      case 'voted':
      case 'abort-work':
      case 'drop':
        return
    }
  }

  /** In the order asked. */
  readonly #writing = new Set<() => void>()
  #disk = 0
  #save(id: number, change: Partial<QuorumSnapshot>): void {
    const life = this.#life
    this.#disk = Math.max(this.#disk, this.world.now) + this.#diskMs()
    const write = () => {
      this.disk = { ...this.disk, ...change }
    }
    this.#writing.add(write)
    this.world.at(this.#disk - this.world.now, () => {
      if (life !== this.#life || this.failWrites) return
      this.#writing.delete(write)
      write()
      this.input({ type: 'done', id, value: null })
    })
  }

  #hsm = 0
  #sign(effect: Extract<Effect, { type: 'sign' }>): void {
    this.#hsm = Math.max(this.#hsm, this.world.now) + this.#diskMs()
    this.#later(this.#hsm - this.world.now, () => {
      const refusal = this.behaviour?.unguarded === true ? null : this.#guard(effect.slot, effect.payload)
      if (refusal !== null) {
        this.input({ type: 'failed', id: effect.id, reason: refusal })
        return
      }
      const sign = effect.key === 'report' ? this.world.keys.signReport : this.world.keys.sign
      this.input({ type: 'done', id: effect.id, value: sign(this.index, effect.payload) })
    })
  }

  /** The history of a real guarded signer; beside it, every slot ever signed, to catch a double signature. */
  #guard(slot: SigningSlot, payload: Uint8Array): string | null {
    const key = `${slot.purpose}/${slot.scope}`
    const [a, b] = slot.position
    const hex = bytesToHex(payload)
    const last = this.#history.get(key)
    if (last !== undefined) {
      const [x, y] = last.position
      if (a === x && b === y) return hex === last.payload ? null : 'SIGNER_SLOT_CONFLICT'
      if (a < x || (a === x && b < y)) return 'SIGNER_SLOT_PASSED'
    }
    this.#history.set(key, { position: slot.position, payload: hex })
    const place = `${key}/${a}/${b}`
    const earlier = this.#signed.get(place)
    if (earlier !== undefined && earlier !== hex)
      this.world.fail(`node ${this.index} signs twice at ${place}`)
    this.#signed.set(place, hex)
    return null
  }

  /** Makes the slot look as if something else had been signed there. */
  poison(slot: SigningSlot): void {
    this.#history.set(`${slot.purpose}/${slot.scope}`, { position: slot.position, payload: '0x00' })
  }

  #send(to: number, bytes: Uint8Array): void {
    const message = decodeMessage(bytes, QUORUM_LIMITS)
    this.sent[message.kind] = (this.sent[message.kind] ?? 0) + 1
    if (this.behaviour === undefined) this.#checkOutgoing(to, message)
    const out = this.behaviour?.outgoing?.(this, to, bytes, message) ?? [bytes]
    for (const each of out) this.world.deliver(this.index, to, each)
  }

  /** What must be on disk before an honest node says something. */
  #checkOutgoing(to: number, message: Message): void {
    const { world, disk } = this
    const onDisk = (bytes: Uint8Array | null) =>
      bytes === null ? null : decodeCertificate(bytes, QUORUM_LIMITS)
    const epoch = disk.pacemaker === null ? 0 : new ByteReader(disk.pacemaker).u32()
    switch (message.kind) {
      case 'commit': {
        const certificate = onDisk(disk.certificate)
        if (certificate?.epoch !== message.epoch || certificate.seqNr !== message.seqNr) {
          world.fail(
            `node ${this.index} commits (${message.epoch}, ${message.seqNr}) before its certificate is on disk`,
          )
        }
        return
      }
      case 'epoch-start-request':
      case 'prepare':
        if (epoch < message.epoch)
          world.fail(`node ${this.index} speaks in epoch ${message.epoch}, disk has ${epoch}`)
        return
      case 'observation':
        if (to !== this.machine?.view().leader)
          world.fail(`node ${this.index} shows its observation to ${to}`)
        return
      case 'report-signatures':
        if ((onDisk(disk.committed)?.seqNr ?? 0n) < message.seqNr)
          world.fail(`node ${this.index} signs reports before the commit is on disk`)
        return
    }
  }

  #onCommitted(effect: Extract<Effect, { type: 'committed' }>): void {
    const { world } = this
    if (this.behaviour !== undefined) {
      this.committedSeqNr = effect.seqNr
      return
    }
    if (effect.seqNr <= this.committedSeqNr) world.fail(`node ${this.index} commits ${effect.seqNr} again`)
    this.committedSeqNr = effect.seqNr
    const outcome = bytesToHex(effect.outcome)
    const known = world.outcomes.get(effect.seqNr)
    if (known !== undefined && known !== outcome) world.fail(`two outcomes for ${effect.seqNr}`)
    if (known === undefined) {
      if (
        effect.seqNr > 1n &&
        !world.outcomes.has(effect.seqNr - 1n) &&
        !this.#elsewhere(effect.seqNr - 1n)
      ) {
        world.fail(`a gap before ${effect.seqNr}`)
      }
      world.outcomes.set(effect.seqNr, outcome)
    }
  }

  /** A re-proposal may skip the delivery of its predecessor, but someone must have it. */
  #elsewhere(seqNr: bigint): boolean {
    return this.world.nodes.some((node) => node.committedSeqNr >= seqNr)
  }

  #onAttested(effect: Extract<Effect, { type: 'attested' }>): void {
    const { world } = this
    if (this.behaviour !== undefined) return
    for (const report of effect.reports) {
      const oracles = report.signatures.map(({ oracle }) => oracle)
      const distinct = oracles.every((oracle, i) => i === 0 || oracle > (oracles[i - 1] ?? oracle))
      if (oracles.length !== world.options.f + 1 || !distinct) world.fail('wrong signers of a report')
      for (const { oracle, signer, signature } of report.signatures) {
        const recovered = world.keys.verification.recover(hexToBytes(report.digest), signature)
        if (recovered !== signer || signer !== world.keys.signers[oracle])
          world.fail('an attested report does not verify')
      }
      const known = world.attested.get(effect.seqNr)
      if (known !== undefined && known !== report.digest) world.fail(`two reports for ${effect.seqNr}`)
      world.attested.set(effect.seqNr, report.digest)
    }
  }
}
