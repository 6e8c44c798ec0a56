import { leaderOf } from '../../../node/quorum/permutation.ts'
import type { AdversaryName } from './adversaries/catalog.ts'
import type { Rule } from './invariants.ts'
import { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { Weather } from './weather.ts'
import { SIMULATED_DIGEST } from './world.ts'

export const TREASONS = ['split-brain', 'majority-of-lies', 'forged-report', 'lost-history'] as const
export type Treason = (typeof TREASONS)[number]

/** What the invariants have to say of each. */
export const BROKEN_BY: Readonly<Record<Treason, Rule>> = {
  'split-brain': 'one-outcome',
  'majority-of-lies': 'validity',
  'forged-report': 'contract',
  'lost-history': 'double-sign',
}

/**
 * Histories beyond what is claimed: f+1 liars who work together (n = 3f+1), or a validator whose signing history is lost.
 * The checks have to fail in each of them, or they check nothing.
 */
export function treasonOf(treason: Treason, seed: number): Scenario {
  const random = new Random(seed)
  const f = 1 + random.integer(3)
  const n = 3 * f + 1
  const deltaProgress = 2_000
  const weather: Weather = {
    ms: 20 * deltaProgress,
    minDelayMs: 1,
    maxDelayMs: 20,
    loss: 0,
    duplicate: 0,
    groups: null,
    mute: [],
    hunt: null,
  }
  const scenario: Scenario = {
    seed,
    n,
    f,
    duty: random.chance(0.5) ? 'numeric' : 'vector',
    signatures: 'f+1',
    alwaysWork: true,
    timing: {
      deltaProgress,
      deltaResend: 500,
      deltaInitial: 1_000,
      deltaRound: 200,
      deltaGrace: 100,
      deltaStage: 1_000,
      rMax: 3,
    },
    diskMs: [0.5, 5],
    queryMs: [0, 2],
    observeMs: [0, 20],
    clockDrift: 0,
    calm: { ...weather, ms: 0 },
    acts: [{ storm: [weather], crashes: [], dutyFailure: 0, outcomes: 1 }],
    liars: {},
    crashLoops: {},
    setBack: [],
    amnesia: [],
    fixedSides: true,
  }
  switch (treason) {
    case 'split-brain':
      return splitBrain(scenario, weather)
    case 'majority-of-lies':
      return { ...scenario, liars: liars(random, n, f + 1, ['chorist', 'cherryPicker']) }
    case 'forged-report':
      return { ...scenario, liars: liars(random, n, f + 1, ['reportForger']) }
    case 'lost-history':
      return lostHistory(scenario, weather)
  }
}

function liars(random: Random, n: number, count: number, names: readonly AdversaryName[]): Scenario['liars'] {
  const order = random.shuffled(Array.from({ length: n }, (_, i) => i))
  return Object.fromEntries(order.slice(0, count).map((node) => [node, names]))
}

/** f+1 twins, the last of the oracles, between two halves of the others that can't reach each other. */
function splitBrain(scenario: Scenario, weather: Weather): Scenario {
  const { n, f } = scenario
  const twins = Array.from({ length: f + 1 }, (_, i) => n - 1 - i)
  return {
    ...scenario,
    // What twins observe is within the tolerance of what is true: only the split itself is wrong.
    duty: 'vector',
    liars: Object.fromEntries(twins.map((node) => [node, ['twins']])),
    acts: scenario.acts.map((act) => ({
      ...act,
      // Liars reach, and are reached by, everybody.
      storm: [{ ...weather, groups: Array.from({ length: n }, (_, i) => (i < n - f - 1 ? i % 2 : -1)) }],
    })),
  }
}

/** The leader of epochs to come, again and again without rows and history. */
function lostHistory(scenario: Scenario, weather: Weather): Scenario {
  const node = leaderOf(SIMULATED_DIGEST, 1, scenario.n)
  const crashes = Array.from({ length: 15 }, (_, i) => ({
    atMs: 300 + i * 700,
    moment: null,
    node,
    downMs: 20,
    tear: 'lost-tail' as const,
  }))
  return {
    ...scenario,
    amnesia: [node],
    acts: scenario.acts.map((act) => ({ ...act, crashes, storm: [weather] })),
  }
}
