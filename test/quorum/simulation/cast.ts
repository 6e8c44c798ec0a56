import { ADVERSARY_NAMES, type AdversaryName } from './adversaries/catalog.ts'
import type { Random } from './random.ts'

/** Who is faulty, and how. */
export interface Cast {
  /** Each liar's behaviours. */
  readonly liars: Readonly<Record<number, readonly AdversaryName[]>>
  /** Faulty nodes that never stay up: milliseconds up and down. */
  readonly crashLoops: Readonly<Record<number, readonly [number, number]>>
  /** Faulty nodes whose disk is set back to an old backup at their first crash. */
  readonly setBack: readonly number[]
}

export function castOf(random: Random, n: number, faulty: number, deltaProgress: number): Cast {
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
