import type { Hex } from '../../../node/ports/chain.ts'
import type { Offence } from '../../../node/ports/quorum.ts'
import type { SigningSlot } from '../../../node/ports/signer.ts'
import type { Effect, Input } from '../../../node/quorum/machine/effects.ts'
import { QuorumMachine } from '../../../node/quorum/machine/machine.ts'
import { decodeMessage } from '../../../node/quorum/messages.ts'
import { type Behaviour, Memory } from './behaviour.ts'
import type { Moment } from './crashes.ts'
import { Disk, type Tear } from './disk.ts'
import { outgoingProblem } from './outgoing.ts'
import { Signer } from './signer.ts'
import { watch } from './watch.ts'
import type { World } from './world.ts'

/** Work that a machine may have asked for and not yet heard of. */
const MAX_WAITING = 64

/**
 * - `honest`: follows the protocol, loses nothing that was acknowledged; may crash.
 * - `faulty`: follows the protocol, but its disk was set back or it never stays up: one of the f.
 * - `liar`: one of the f, and does what it likes.
 */
export type Standing = 'honest' | 'faulty' | 'liar'

/** One validator: a machine, its disk, and its signer. Disk and signing history outlive a crash. */
export class SimNode {
  readonly world: World
  readonly index: number
  readonly behaviour: Behaviour | undefined
  /** Of twins, which. */
  readonly half: number
  standing: Standing
  readonly disk: Disk
  readonly consensusSigner: Signer
  readonly reportSigner: Signer
  readonly faults: { code: string; oracle: number | null; data: Readonly<Record<string, unknown>> }[] = []
  readonly offences: Offence[] = []
  readonly sent: Record<string, number> = {}
  /** Of liars alone. */
  readonly memory = new Memory()
  machine: QuorumMachine | null = null
  committedSeqNr = 0n
  epochs = 0
  /** This clock's speed, as a share of true time. */
  clockRate = 1
  /** It crashes at the next such moment. */
  trap: { readonly moment: Moment; readonly spring: () => void } | null = null
  #life = 0
  #started = false
  #timers = new Map<string, number>()
  #timerId = 0
  readonly #working = new Set<number>()

  constructor(world: World, index: number, half = 0) {
    this.world = world
    this.index = index
    this.half = half
    this.behaviour = world.options.behaviours?.[index]
    this.standing = this.behaviour === undefined ? 'honest' : 'liar'
    const { schedule, random } = world
    const latencyMs = world.options.diskMs ?? [0.1, 4]
    this.disk = new Disk(latencyMs, { schedule, random })
    const unguarded = !this.guarded
    const released = (slot: SigningSlot, payload: Hex) => {
      if (this.standing === 'liar') return
      world.invariants.released(index, slot, payload)
      world.locks.released(index, slot, payload)
    }
    this.consensusSigner = new Signer({ latencyMs, unguarded }, { schedule, random, released })
    this.reportSigner = new Signer({ latencyMs, unguarded }, { schedule, random, released })
  }

  /** Its keys keep a history, and sign one thing for one slot. */
  get guarded(): boolean {
    return this.behaviour?.unguarded !== true && this.behaviour?.twins !== true
  }

  get up(): boolean {
    return this.machine !== null
  }

  boot(): void {
    const { world } = this
    this.#life++
    this.#timers.clear()
    this.#working.clear()
    const plain = world.machineOptions(this.index)
    const options = this.behaviour?.options?.(plain) ?? plain
    const machine = new QuorumMachine(options, {
      duty: world.pureDuty,
      verification: world.keys.verification,
    })
    this.machine = machine
    const life = this.#life
    const { snapshot } = this.disk
    this.#started = false
    world.at(world.random.between(0, 20), () => {
      if (life !== this.#life) return
      world.trace.add(world.now, this.index, 'boots')
      const effects = machine.start(snapshot)
      // What is on disk was committed here before, or just before the crash.
      if (this.standing !== 'liar') this.committedSeqNr = world.invariants.booted(this.index, snapshot)
      this.#started = true
      this.#perform(effects)
    })
    if (this.behaviour?.tick !== undefined) this.#tick(life)
  }

  #tick(life: number): void {
    const { random, timing } = this.world
    this.world.at(timing.deltaProgress * random.between(0.005, 0.05), () => {
      if (life !== this.#life) return
      if (this.#started) this.behaviour?.tick?.(this)
      this.#tick(life)
    })
  }

  crash(tear: Tear = this.world.random.pick(['lost-tail', 'prefix', 'scattered'])): void {
    if (this.machine === null) return
    this.world.trace.add(this.world.now, this.index, 'crashes', tear)
    this.disk.crash(tear)
    this.consensusSigner.crash()
    this.reportSigner.crash()
    this.#life++
    this.machine = null
    this.#timers.clear()
  }

  /** True when the moment was one for which a crash was arranged. */
  #sprung(moment: Moment): boolean {
    const { trap } = this
    if (trap?.moment !== moment || this.machine === null) return false
    this.trap = null
    trap.spring()
    return true
  }

  /** While it is down: an operator restores an old backup. From now on it counts as one of the f. */
  setBack(): void {
    const age = this.disk.restoreBackup()
    if (this.standing === 'honest') this.standing = 'faulty'
    this.world.trace.add(this.world.now, this.index, 'boots', `from a disk that is ${age} writes old`)
  }

  /** While it is down: rows and signing history are gone. No validator may begin so. */
  loseEverything(): void {
    this.disk.snapshot = { pacemaker: null, certificate: null, committed: null }
    this.consensusSigner.forget()
    this.reportSigner.forget()
    this.world.trace.add(this.world.now, this.index, 'boots', 'without its rows and its signing history')
  }

  receive(from: number, bytes: Uint8Array): void {
    if (this.machine === null || !this.#started) return
    this.world.trace.add(this.world.now, this.index, 'receives', '', from, bytes)
    if (this.behaviour !== undefined) this.#hear(from, bytes)
    this.input({ type: 'message', from, bytes })
  }

  input(input: Input): void {
    if (this.machine === null || !this.#started) return
    this.#perform(this.machine.step(input))
  }

  #hear(from: number, bytes: Uint8Array): void {
    try {
      this.memory.add({ from, bytes, message: decodeMessage(bytes, this.world.limits) })
    } catch {
      // Another's noise.
    }
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.#do(effect)
      // A crash in the middle: what comes after it does not happen.
      if (effect.type === 'epoch' && this.#sprung('epoch')) return
      if (effect.type === 'committed' && this.#sprung('commits')) return
    }
    if (this.standing !== 'liar') this.#checkBounds()
  }

  #checkBounds(): void {
    const { n } = this.world.options
    const kept = this.machine?.view().kept ?? 0
    if (kept > 32 * n) this.world.fail('bounded', `node ${this.index} keeps ${kept} messages`)
    const { disk, consensusSigner, reportSigner } = this
    const waiting = Math.max(disk.failing ? 0 : disk.writing, consensusSigner.waiting, reportSigner.waiting)
    if (Math.max(waiting, this.#working.size) > MAX_WAITING)
      this.world.fail('bounded', `node ${this.index} waits for ${waiting} writes or signatures`)
  }

  #later(delayMs: number, run: () => void): void {
    const life = this.#life
    this.world.at(delayMs, () => {
      if (life === this.#life) run()
    })
  }

  #do(effect: Effect): void {
    const { world } = this
    switch (effect.type) {
      case 'broadcast':
        this.#broadcast(effect.bytes)
        return
      case 'send':
        this.#send([effect.to], effect.bytes)
        return
      case 'save':
        if (this.standing !== 'liar') world.invariants.saved(this.index, effect.change)
        this.disk.save(effect.change, () => {
          world.trace.add(world.now, this.index, 'saves', Object.keys(effect.change).join(','))
          if (this.#sprung('saves')) return
          this.input({ type: 'done', id: effect.id, value: null })
        })
        return
      case 'sign':
        this.#sign(effect)
        return
      case 'query':
        this.#work(effect.id, world.options.queryMs ?? [0, 2], () =>
          world.duty.query(this.index, effect.seqNr, world.now),
        )
        return
      case 'observe':
        this.#work(effect.id, world.options.observeMs ?? [0, 10], () =>
          this.#observe(effect.seqNr, effect.query),
        )
        return
      case 'abort-work':
        for (const id of this.#working) this.#later(0, () => this.#finish(id, 'aborted'))
        return
      case 'set-timer': {
        const id = ++this.#timerId
        this.#timers.set(effect.timer, id)
        this.#later(effect.delayMs * this.clockRate, () => {
          if (this.#timers.get(effect.timer) !== id) return
          this.#timers.delete(effect.timer)
          if (effect.timer !== 'resend') world.trace.add(world.now, this.index, 'timer', effect.timer)
          this.input({ type: 'timer', timer: effect.timer })
        })
        return
      }
      case 'cancel-timer':
        this.#timers.delete(effect.timer)
        return
      default:
        watch(this, effect)
        return
    }
  }

  #observe(seqNr: bigint, query: Uint8Array): Uint8Array | null {
    const { world, behaviour } = this
    const observation = world.duty.observe(this.index, seqNr, query, world.now)
    if (this.standing === 'honest') world.invariants.observed(seqNr, observation)
    return behaviour?.observe === undefined ? observation : behaviour.observe(this, observation, seqNr)
  }

  /** A call of the duty: ends by itself, or with its round. */
  #work(id: number, [min, max]: readonly [number, number], call: () => Uint8Array | null): void {
    const { world } = this
    this.#working.add(id)
    this.#later(world.random.between(min, max), () => {
      if (!this.#working.has(id)) return
      if (world.random.chance(world.dutyFailure)) return this.#finish(id, 'the source is down')
      try {
        const value = call()
        this.#working.delete(id)
        this.input({ type: 'done', id, value })
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        this.#finish(id, error.message)
      }
    })
  }

  #finish(id: number, reason: string): void {
    if (this.#working.delete(id)) this.input({ type: 'failed', id, reason })
  }

  #sign(effect: Extract<Effect, { type: 'sign' }>): void {
    const { world, index } = this
    const { id, key, slot, payload } = effect
    const signer = key === 'report' ? this.reportSigner : this.consensusSigner
    const sign = key === 'report' ? world.keys.signReport : world.keys.sign
    signer.sign(
      { slot, payload, make: () => sign(index, payload) },
      (value) => {
        world.trace.add(world.now, index, 'signs', `${slot.purpose} ${slot.position}`)
        if (this.#sprung('signs')) return
        this.input({ type: 'done', id, value })
      },
      (reason) => {
        world.trace.add(world.now, index, 'refused', `${slot.purpose} ${slot.position} ${reason}`)
        world.refusals++
        this.input({ type: 'failed', id, reason })
      },
    )
  }

  #broadcast(bytes: Uint8Array): void {
    const peers: number[] = []
    for (let to = 0; to < this.world.options.n; to++) if (to !== this.index) peers.push(to)
    this.#send(peers, bytes)
  }

  #send(peers: readonly number[], bytes: Uint8Array): void {
    const { world, behaviour, standing } = this
    const message = decodeMessage(bytes, world.limits)
    if (message.kind === 'prepare' && standing === 'honest') world.offences.prepared(this.index, message)
    this.sent[message.kind] = (this.sent[message.kind] ?? 0) + peers.length
    for (const to of peers) {
      if (standing !== 'liar') {
        const leader = this.machine?.view().leader ?? -1
        const at = { node: this.index, to, leader, disk: this.disk.snapshot, limits: world.limits }
        const problem = outgoingProblem(message, at)
        if (problem !== null) world.fail(...problem)
      }
      const out = behaviour?.outgoing?.(this, to, bytes, message) ?? [bytes]
      const delayMs = behaviour?.delayMs?.(this, to, message) ?? 0
      for (const each of out) world.send(this, to, each, delayMs)
    }
  }

  /** Sends what no machine asked for. */
  say(to: number, bytes: Uint8Array, delayMs = 0): void {
    if (to !== this.index) this.world.send(this, to, bytes, delayMs)
  }
}
