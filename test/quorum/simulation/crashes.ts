import type { Tear } from './disk.ts'
import type { Random } from './random.ts'
import type { Weather } from './weather.ts'

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

export function crashOf(random: Random, node: number, atMs: number, deltaProgress: number): Crash {
  return {
    node,
    atMs,
    moment: random.chance(0.6) ? random.pick(MOMENTS) : null,
    downMs: deltaProgress * random.between(0.01, 1),
    tear: random.pick(TEARS),
  }
}

/** None, all at once, or some now and then. */
export function crashesOf(random: Random, n: number, lastsMs: number, deltaProgress: number): Crash[] {
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
export function ambushOf(random: Random, n: number, victim: number, deltaProgress: number) {
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
