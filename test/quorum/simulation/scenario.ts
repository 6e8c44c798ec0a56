import type { SignatureRule } from '../../../node/ports/quorum.ts'
import type { MessageKind } from '../../../node/quorum/messages.ts'
import type { TimingParameters } from '../../../node/quorum/offchain-config.ts'
import { ADVERSARY_NAMES, type AdversaryName } from './adversaries/catalog.ts'
import type { Tear } from './disk.ts'
import { Random } from './random.ts'

/** What the network is like for a while. */
export interface Weather {
  readonly ms: number
  readonly minDelayMs: number
  readonly maxDelayMs: number
  readonly loss: number
  readonly duplicate: number
  /** Nodes of different numbers do not reach each other; those of a negative one reach everybody. Null: no partition. */
  readonly groups: readonly number[] | null
  /** Nodes that nobody hears, though they hear. */
  readonly mute: readonly number[]
  /** Messages that are lost on purpose. Null: none. */
  readonly hunt: Hunt | null
}

/** A network that knows what it carries: it loses most messages of one kind, but for those to a few. */
export interface Hunt {
  readonly kind: MessageKind
  readonly loss: number
  readonly spared: readonly number[]
}

/** A moment at which a crash hurts: after the write, before its acknowledgement; after the signature, before its use. */
export const MOMENTS = ['saves', 'signs', 'commits', 'epoch'] as const
export type Moment = (typeof MOMENTS)[number]

const TEARS = ['lost-tail', 'prefix', 'scattered'] as const satisfies readonly Tear[]

export interface Crash {
  /** Since the storm began. */
  readonly atMs: number
  /** The next one after that time; null: at that time. */
  readonly moment: Moment | null
  readonly node: number
  readonly downMs: number
  readonly tear: Tear
}

/** First everything goes wrong at once; then the network heals, and the others have to get on with at most f faulty ones. */
export interface Act {
  readonly storm: readonly Weather[]
  readonly crashes: readonly Crash[]
  readonly dutyFailure: number
  /** New outcomes to be waited for once it has healed, each within the bound. */
  readonly outcomes: number
}

/** Everything that a history is made from: a pure function of its seed. */
export interface Scenario {
  readonly seed: number
  readonly n: number
  readonly f: number
  readonly duty: 'numeric' | 'vector'
  /** How many must sign a report. */
  readonly signatures: SignatureRule
  /** False: now and then there is nothing to do. */
  readonly alwaysWork: boolean
  readonly timing: TimingParameters
  readonly diskMs: readonly [number, number]
  readonly queryMs: readonly [number, number]
  readonly observeMs: readonly [number, number]
  readonly clockDrift: number
  /** What the network is like once it has healed. */
  readonly calm: Weather
  readonly acts: readonly Act[]
  /** Each liar's behaviours. */
  readonly liars: Readonly<Record<number, readonly AdversaryName[]>>
  /** Faulty nodes that never stay up: milliseconds up and down. */
  readonly crashLoops: Readonly<Record<number, readonly [number, number]>>
  /** Faulty nodes whose disk is set back to an old backup at their first crash. */
  readonly setBack: readonly number[]
  /** What no validator may suffer: each of its crashes takes disk and signing history. Only where claims end. */
  readonly amnesia: readonly number[]
  /** The liars' two halves of the world stay as they are, even and odd. */
  readonly fixedSides: boolean
}

export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed)
  const n = size(random)
  const most = Math.floor((n - 1) / 3)
  const f = random.chance(0.85) ? most : random.integer(most + 1)
  const timing = timingOf(random, n)
  const { deltaProgress } = timing
  const faulty = random.chance(0.75) ? f : random.integer(f + 1)
  const roles = assign(random, n, faulty, deltaProgress)
  const slowDisk = random.chance(0.2) ? deltaProgress / 40 : deltaProgress / 200
  const acts = n > 13 ? 1 : 1 + random.integer(3)
  return {
    seed,
    n,
    f,
    duty: random.chance(0.5) ? 'numeric' : 'vector',
    signatures: random.chance(0.7) ? 'f+1' : 'quorum',
    alwaysWork: random.chance(0.7),
    timing,
    diskMs: [slowDisk / 10, slowDisk],
    queryMs: [0, deltaProgress / 100],
    observeMs: [0, deltaProgress / random.pick([20, 50, 200])],
    clockDrift: random.pick([0, 0.001, 0.05]),
    calm: calmOf(random, deltaProgress),
    acts: Array.from({ length: acts }, () => actOf(random, n, timing, roles)),
    ...roles,
    amnesia: [],
    fixedSides: false,
  }
}

function size(random: Random): number {
  const roll = random.next()
  if (roll < 0.5) return 4
  if (roll < 0.85) return 5 + random.integer(3)
  if (roll < 0.99) return 8 + random.integer(6)
  return 14 + random.integer(18)
}

/** Contradictory enough to be interesting, sound enough that a calm network makes progress (README: parameters). */
function timingOf(random: Random, n: number): TimingParameters {
  const deltaProgress = Math.round(random.between(600, 3_000))
  const share = (min: number, max: number) => Math.round(deltaProgress * random.between(min, max))
  return {
    deltaProgress,
    deltaResend: share(0.15, 0.35),
    deltaInitial: share(0.3, 0.8),
    deltaRound: n > 7 ? share(0.3, 0.5) : share(0.08, 0.5),
    deltaGrace: share(0.01, 0.15),
    deltaStage: deltaProgress,
    rMax: random.pick([1, 2, 3, 4, 6, 10, 100]),
  }
}

function calmOf(random: Random, deltaProgress: number): Weather {
  const maxDelayMs = deltaProgress * random.between(0.002, 0.025)
  const duplicate = random.chance(0.3) ? 0.1 : 0
  return {
    ms: 0,
    minDelayMs: maxDelayMs / 20,
    maxDelayMs,
    loss: 0,
    duplicate,
    groups: null,
    mute: [],
    hunt: null,
  }
}

function assign(random: Random, n: number, faulty: number, deltaProgress: number) {
  const liars: Record<number, readonly AdversaryName[]> = {}
  const crashLoops: Record<number, readonly [number, number]> = {}
  const setBack: number[] = []
  const together = random.chance(0.45) ? behavioursOf(random) : null
  for (const node of random.shuffled(Array.from({ length: n }, (_, i) => i)).slice(0, faulty)) {
    const roll = random.next()
    if (roll < 0.8 || together !== null) liars[node] = together ?? behavioursOf(random)
    else if (roll < 0.9)
      crashLoops[node] = [random.between(0.1, 3), random.between(0.02, 1)].map((x) => x * deltaProgress) as [
        number,
        number,
      ]
    else setBack.push(node)
  }
  return { liars, crashLoops, setBack }
}

/** Behaviours that make more of each other than of chance. */
const PLOTS: readonly [readonly AdversaryName[], ...(readonly AdversaryName[])[]] = [
  ['twins'],
  ['twins', 'withholder'],
  ['favourer', 'withholder', 'forgetter'],
  ['splitter', 'favourer', 'forgetter'],
  ['equivocator', 'halfWithholder'],
  ['equivocator', 'smokescreen'],
  ['splitter', 'smokescreen'],
  ['splitter', 'halfWithholder', 'proposalKeeper'],
  ['chorist', 'cherryPicker', 'favourer'],
  ['chorist', 'cherryPicker', 'splitter'],
  ['commitKeeper', 'withholder', 'slowLeader'],
  ['copier', 'cherryPicker'],
  ['amnesiac', 'favourer'],
  ['forger', 'equivocator'],
  ['counterfeiter', 'replayer', 'reportForger'],
  ['flooder', 'dreamer', 'beggar'],
]

function behavioursOf(random: Random): readonly AdversaryName[] {
  if (random.chance(0.4)) return random.pick(PLOTS)
  const count = random.pick([1, 1, 1, 2, 2, 3])
  return random.shuffled(ADVERSARY_NAMES).slice(0, count)
}

type Roles = Pick<Scenario, 'liars' | 'crashLoops' | 'setBack'>

function actOf(random: Random, n: number, timing: TimingParameters, roles: Roles): Act {
  const { deltaProgress } = timing
  const plain = Array.from({ length: 1 + random.integer(3) }, () => weatherOf(random, n, deltaProgress))
  const victims = Array.from({ length: n }, (_, i) => i).filter((node) => roles.liars[node] === undefined)
  const victim = random.chance(0.35) ? random.any(victims) : undefined
  const ambush = victim === undefined ? null : ambushOf(random, n, victim, deltaProgress)
  const storm = ambush === null ? plain : [...ambush.storm, ...plain.slice(2)]
  const lastsMs = storm.reduce((sum, { ms }) => sum + ms, 0)
  const crashes = [
    ...(ambush?.crashes ?? []),
    ...crashesOf(random, n, lastsMs, deltaProgress),
    ...roles.setBack.map((node) => crashOf(random, node, random.between(0, lastsMs), deltaProgress)),
  ]
  return {
    storm,
    crashes: crashes.sort((a, b) => a.atMs - b.atMs),
    dutyFailure: random.chance(0.2) ? random.between(0.05, 0.5) : 0,
    outcomes: 1 + random.integer(4),
  }
}

function crashOf(random: Random, node: number, atMs: number, deltaProgress: number): Crash {
  return {
    node,
    atMs,
    moment: random.chance(0.6) ? random.pick(MOMENTS) : null,
    downMs: deltaProgress * random.between(0.01, 1),
    tear: random.pick(TEARS),
  }
}

/** None, all at once, or some now and then. */
function crashesOf(random: Random, n: number, lastsMs: number, deltaProgress: number): Crash[] {
  if (random.chance(0.15)) {
    const atMs = random.between(0, lastsMs)
    const all = Array.from({ length: n }, (_, node) => crashOf(random, node, atMs, deltaProgress))
    return all.map((crash) => ({ ...crash, moment: null }))
  }
  if (random.chance(0.4)) return []
  return Array.from({ length: 1 + random.integer(2 * n) }, () =>
    crashOf(random, random.integer(n), random.between(0, lastsMs), deltaProgress),
  )
}

/** One validator alone is let commit (or prepare), and nobody hears of it: it crashes, or is cut off. */
function ambushOf(random: Random, n: number, victim: number, deltaProgress: number) {
  const maxDelayMs = deltaProgress * random.pick([0.01, 0.03, 0.1])
  const fair = {
    minDelayMs: maxDelayMs / 50,
    maxDelayMs,
    loss: 0,
    duplicate: 0,
    groups: null,
    mute: [],
    hunt: null,
  }
  const kind = random.pick(['commit', 'commit', 'prepare'] as const)
  const alone = Array.from({ length: n }, (_, i) => (i === victim ? 1 : 0))
  const first = deltaProgress * random.between(0.2, 1.5)
  const second = deltaProgress * random.between(1, 3)
  const storm: Weather[] = [
    { ...fair, ms: first, hunt: { kind, loss: 1, spared: [victim] } },
    { ...fair, ms: second, groups: random.chance(0.5) ? alone : null },
  ]
  const moment = random.pick(['commits', 'saves', 'signs'] as const)
  const downMs = deltaProgress * random.between(0.5, 3)
  const crash: Crash = {
    node: victim,
    atMs: random.between(0, first),
    moment,
    downMs,
    tear: random.pick(TEARS),
  }
  return { storm, crashes: random.chance(0.7) ? [crash] : [] }
}

function weatherOf(random: Random, n: number, deltaProgress: number): Weather {
  const maxDelayMs = deltaProgress * random.pick([0.01, 0.02, 0.1, 0.4, 1.2])
  const roll = random.next()
  const groups = roll < 0.4 ? Array.from({ length: n }, () => random.integer(roll < 0.3 ? 2 : 3)) : null
  return {
    ms: deltaProgress * random.between(0.3, 3),
    minDelayMs: random.chance(0.2) ? maxDelayMs / 2 : maxDelayMs / 50,
    maxDelayMs,
    loss: random.pick([0, 0, 0.02, 0.1, 0.3, 0.6]),
    duplicate: random.pick([0, 0, 0.1, 0.5]),
    groups,
    mute: random.chance(0.2) ? [random.integer(n)] : [],
    hunt: random.chance(0.4) ? huntOf(random, n) : null,
  }
}

function huntOf(random: Random, n: number): Hunt {
  const spared = Array.from({ length: n }, (_, i) => i).filter(() => random.chance(1 / n))
  const kinds = [
    'commit',
    'commit',
    'commit',
    'prepare',
    'proposal',
    'epoch-start',
    'wish',
    'outcome-response',
  ] as const
  return { kind: random.pick(kinds), loss: random.pick([0.5, 0.9, 1]), spared }
}
