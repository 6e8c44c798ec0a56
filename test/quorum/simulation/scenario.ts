import type { SignatureRule } from '../../../node/ports/quorum.ts'
import type { TimingParameters } from '../../../node/quorum/offchain-config.ts'
import { type Cast, castOf } from './cast.ts'
import { ambushOf, type Crash, crashesOf, crashOf } from './crashes.ts'
import { Random } from './random.ts'
import { calmOf, type Weather, weatherOf } from './weather.ts'

/** First everything goes wrong at once; then the network heals, and the others have to get on with at most f faulty ones. */
export interface Act {
  readonly storm: readonly Weather[]
  readonly crashes: readonly Crash[]
  readonly dutyFailure: number
  /** New outcomes to be waited for once it has healed, each within the bound. */
  readonly outcomes: number
}

/** Everything that a history is made from: a pure function of its seed. */
export interface Scenario extends Cast {
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
  const roles = castOf(random, n, faulty, deltaProgress)
  const slowDisk = random.chance(0.2) ? deltaProgress / 40 : deltaProgress / 200
  // A round costs n² messages: what many validators do is played for a shorter time.
  const acts = n > 7 ? 1 : 1 + random.integer(3)
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

function actOf(random: Random, n: number, timing: TimingParameters, roles: Cast): Act {
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
