import { at, compare } from './vectors.ts'

/**
 * The `k` classes with the greatest scores, as a set: ascending indices. A set and not a ranking, since two nodes whose
 * scores differ in the last digit rank near neighbours differently and mean the same; only who is in counts.
 *
 * Null, undecided: the last one in and the first one out are less than `margin` apart. Let honest scores be within t of
 * each other. With a margin above 2t no two honest nodes choose different sets: for one, some a in and b out are at least
 * 2t + 1 apart; for the other, that has b and not a, they are then still at least 1 apart the same way, which is no
 * such choice.
 */
export function bestOf(scores: readonly bigint[], k: number, margin: bigint): readonly number[] | null {
  const ranked = scores.map((score, index) => ({ score, index })).sort((a, b) => compare(b.score, a.score))
  if (at(ranked, k - 1).score - at(ranked, k).score < margin) return null
  return ranked
    .slice(0, k)
    .map((entry) => entry.index)
    .sort((a, b) => a - b)
}
