import type { MessageKind } from '../../../node/quorum/messages.ts'
import type { Random } from './random.ts'

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

/** Healed: nothing is lost, and what is sent arrives well within DeltaProgress. */
export function calmOf(random: Random, deltaProgress: number): Weather {
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

export function weatherOf(random: Random, n: number, deltaProgress: number): Weather {
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

export function describeWeather({
  minDelayMs,
  maxDelayMs,
  loss,
  duplicate,
  groups,
  mute,
  hunt,
}: Weather): string {
  const parts = [`delays ${minDelayMs.toFixed(0)} to ${maxDelayMs.toFixed(0)} ms`]
  if (loss > 0) parts.push(`${Math.round(loss * 100)}% lost`)
  if (duplicate > 0) parts.push(`${Math.round(duplicate * 100)}% twice`)
  if (groups !== null) parts.push(`partition ${groups.map((group) => (group < 0 ? '*' : group)).join('')}`)
  if (hunt !== null) {
    const but = hunt.spared.length === 0 ? '' : ` but those to ${hunt.spared.join(', ')}`
    parts.push(`loses ${Math.round(hunt.loss * 100)}% of ${hunt.kind}${but}`)
  }
  if (mute.length > 0) parts.push(`nobody hears ${mute.join(', ')}`)
  return parts.join(', ')
}
