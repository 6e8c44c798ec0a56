import { QUORUM_LIMITS, type QuorumLimits } from '../../../node/quorum/limits.ts'
import { MESSAGE_KIND } from '../../../node/quorum/messages.ts'
import type { TimingParameters } from '../../../node/quorum/offchain-config.ts'
import { combined } from './adversaries/catalog.ts'
import type { Behaviour } from './behaviour.ts'
import type { Crash } from './crashes.ts'
import { numericDuty } from './duties/numeric.ts'
import { vectorDuty } from './duties/vector.ts'
import { InvariantViolation, type Rule } from './invariants.ts'
import type { SimNode } from './node.ts'
import type { Act, Scenario } from './scenario.ts'
import { describeWeather, type Weather } from './weather.ts'
import { World } from './world.ts'

/** Small, so that what is as large as allowed costs little. */
const LIMITS: QuorumLimits = { ...QUORUM_LIMITS, query: 64, observation: 96, outcome: 1024 }

export interface Violation {
  readonly rule: Rule
  readonly message: string
}

export interface Result {
  readonly seed: number
  readonly violation: Violation | null
  /** Of the whole trace. */
  readonly hash: string
  /** The last lines of it, when something was violated. */
  readonly lines: readonly string[]
  readonly virtualMs: number
  readonly steps: number
  readonly outcomes: number
  readonly attested: number
  /** Offences that honest validators wrote down. */
  readonly offences: number
  /** Most epochs that an honest validator went through. */
  readonly epochs: number
  readonly refusals: number
  readonly overflows: number
  /** Waits for a new outcome after the network healed, as shares of DeltaProgress and of the stated bound. */
  readonly waits: readonly { readonly progress: number; readonly bound: number }[]
}

/**
 * Longest time from healing to a new outcome at every honest validator (README: the bound). One epoch may be half gone
 * or led by a validator that restarted in it; then up to 2f faulty leaders follow each other, f at the end of one cycle
 * of n epochs and f at the beginning of the next; then an honest one leads. Each costs DeltaProgress and a resend, and
 * who was left out is told within two resends more.
 */
export function livenessBoundMs(timing: TimingParameters, f: number): number {
  return (2 * f + 2) * (timing.deltaProgress + timing.deltaResend) + 2 * timing.deltaResend
}

/** Plays one scenario. Deterministic: equal scenarios give equal results, bit for bit. */
export function simulate(scenario: Scenario, onLine?: (line: string) => void): Result {
  const story = new Story(scenario, onLine)
  let violation: Violation | null = null
  try {
    story.play()
  } catch (error) {
    violation =
      error instanceof InvariantViolation
        ? { rule: error.rule, message: error.message }
        : { rule: 'broke', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  return story.result(violation)
}

class Story {
  readonly #scenario: Scenario
  readonly #world: World
  readonly #waits: { progress: number; bound: number }[] = []
  readonly #setBack: Set<number>
  #idleAllowed = true
  /** Last sequence number before the network healed for the last time. */
  #healedAt = 0n

  constructor(scenario: Scenario, onLine?: (line: string) => void) {
    this.#scenario = scenario
    const { n, f, timing, liars } = scenario
    const behaviours: Record<number, Behaviour> = {}
    for (const [node, names] of Object.entries(liars)) behaviours[Number(node)] = combined(names)
    const work = (node: number, nowMs: number) => this.#work(node, nowMs)
    this.#world = new World({
      seed: scenario.seed,
      n,
      f,
      timing,
      limits: LIMITS,
      signatures: scenario.signatures,
      network: scenario.calm,
      behaviours,
      diskMs: scenario.diskMs,
      queryMs: scenario.queryMs,
      observeMs: scenario.observeMs,
      clockDrift: scenario.clockDrift,
      duty: (random) => (scenario.duty === 'numeric' ? numericDuty : vectorDuty)({ random, work }),
      ...(onLine === undefined ? {} : { onLine }),
    })
    this.#setBack = new Set(scenario.setBack)
    for (const node of this.#world.nodes) {
      if (scenario.crashLoops[node.index] !== undefined) node.standing = 'faulty'
      // One of the f from the beginning: what it says before its disk is set back binds nobody either.
      if (this.#setBack.has(node.index) || scenario.amnesia.includes(node.index)) node.standing = 'faulty'
    }
  }

  /** Each node hears of work a little later than the other. */
  #work(node: number, nowMs: number): boolean {
    if (!this.#idleAllowed || this.#scenario.alwaysWork) return true
    const { deltaProgress } = this.#scenario.timing
    return Math.floor((nowMs - node * 3) / (1.7 * deltaProgress)) % 3 === 0
  }

  play(): void {
    this.#loops()
    this.#divide()
    for (const act of this.#scenario.acts) this.#act(act)
    const { deltaResend } = this.#scenario.timing
    const upTo = this.#last()
    this.#world.run(this.#world.now + 3 * deltaResend)
    this.#world.invariants.checkAttested(this.#healedAt, upTo)
    this.#world.offences.checkSplits()
  }

  #loops(): void {
    for (const [node, [upMs, downMs]] of Object.entries(this.#scenario.crashLoops)) {
      const loop = () => {
        const target = this.#world.nodes[Number(node)]
        if (target?.up === true) target.crash()
        else target?.boot()
        const ms = target?.up === true ? upMs : downMs
        this.#world.at(ms * this.#world.random.between(0.5, 1.5), loop)
      }
      this.#world.at(upMs, loop)
    }
  }

  /** Whom the liars tell which story changes now and then. */
  #divide(): void {
    const { conspiracy, random } = this.#world
    if (conspiracy.members.size === 0) return
    if (this.#scenario.fixedSides) {
      conspiracy.divideAs((peer) => peer % 2)
      return
    }
    conspiracy.divide()
    this.#world.at(this.#scenario.timing.deltaProgress * random.between(0.2, 3), () => this.#divide())
  }

  #act(act: Act): void {
    const world = this.#world
    world.dutyFailure = act.dutyFailure
    this.#idleAllowed = true
    for (const crash of act.crashes) world.at(crash.atMs, () => this.#crash(crash))
    for (const weather of act.storm) {
      this.#weather(weather)
      world.run(world.now + weather.ms)
    }
    this.#heal()
    for (let i = 0; i < act.outcomes; i++) this.#wait()
  }

  #crash({ node, tear, downMs, moment }: Crash): void {
    const target = this.#world.nodes[node]
    if (target?.up !== true || target.standing === 'liar') return
    const crash = () => {
      target.crash(tear)
      if (this.#setBack.delete(node)) target.setBack()
      if (this.#scenario.amnesia.includes(node)) target.loseEverything()
      this.#world.at(downMs, () => this.#up(target))
    }
    if (moment === null) crash()
    else target.trap = { moment, spring: crash }
  }

  #up(node: SimNode): void {
    if (!node.up) node.boot()
  }

  #weather(weather: Weather): void {
    const { network, trace, now, random } = this.#world
    const { groups, mute, hunt } = weather
    const kind = hunt === null ? -1 : MESSAGE_KIND[hunt.kind]
    Object.assign(network, {
      minDelayMs: weather.minDelayMs,
      maxDelayMs: weather.maxDelayMs,
      loss: weather.loss,
      duplicate: weather.duplicate,
      link: (from: number, to: number) =>
        !mute.includes(from) && (groups === null || reaches(groups[from] ?? -1, groups[to] ?? -1)),
      // The second byte of every message is its kind.
      spares: (to: number, bytes: Uint8Array) =>
        hunt === null || bytes[1] !== kind || hunt.spared.includes(to) || !random.chance(hunt.loss),
    })
    trace.add(now, -1, 'world', describeWeather(weather))
  }

  /** Everything works from now on, but for the faulty ones. */
  #heal(): void {
    const world = this.#world
    this.#weather(this.#scenario.calm)
    world.dutyFailure = 0
    this.#idleAllowed = false
    for (const node of world.nodes) node.trap = null
    this.#healedAt = this.#last()
    for (const node of world.nodes) if (this.#scenario.crashLoops[node.index] === undefined) this.#up(node)
  }

  /** Highest sequence number that anybody committed. */
  #last(): bigint {
    return [...this.#world.outcomes.keys()].sort(descending)[0] ?? 0n
  }

  #wait(): void {
    const world = this.#world
    const { timing, f } = this.#scenario
    const boundMs = livenessBoundMs(timing, f)
    const honest = world.honest()
    const goal = 1n + (honest.map((node) => node.committedSeqNr).sort(descending)[0] ?? 0n)
    const began = world.now
    const done = world.run(began + boundMs, () => world.reached(goal, honest))
    const tookMs = world.now - began
    this.#waits.push({ progress: tookMs / timing.deltaProgress, bound: tookMs / boundMs })
    if (done) return
    const behind = honest.filter(({ committedSeqNr }) => committedSeqNr < goal).map(({ index }) => index)
    world.fail(
      'liveness',
      `no new outcome ${goal} at ${behind.join(', ')} within ${boundMs} ms after healing`,
    )
  }

  result(violation: Violation | null): Result {
    const world = this.#world
    return {
      seed: this.#scenario.seed,
      violation,
      hash: world.trace.hash,
      lines: violation === null ? [] : world.trace.lines(),
      virtualMs: world.now,
      steps: world.schedule.steps,
      outcomes: world.outcomes.size,
      attested: world.attested.size,
      offences: world.offences.count,
      epochs: Math.max(0, ...world.honest().map(({ epochs }) => epochs)),
      refusals: world.refusals,
      overflows: world.network.overflows,
      waits: this.#waits,
    }
  }
}

const reaches = (from: number, to: number) => from === to || from < 0 || to < 0

const descending = (a: bigint, b: bigint) => Number(b - a)
