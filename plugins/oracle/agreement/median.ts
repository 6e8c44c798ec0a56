import type { Tolerance } from '../../../node/ports/agreement-rule.ts'
import type { Judgement, Vote } from './agreement-types.ts'
import { isNear, middleOf, tolerancesAround } from './vectors.ts'

/** Vectors near enough to the middle of all, and the tolerance of each coordinate there. */
export interface Core {
  readonly accepted: readonly Vote[]
  readonly tolerance: readonly bigint[]
}

/**
 * Leaves out each vector with a coordinate farther from the first median (of all vectors) than the tolerance there. May
 * leave out all: coordinate by coordinate, a median can be far from every one of the vectors.
 */
export function core(
  votes: readonly Vote[],
  tolerances: readonly Tolerance[],
  lengths: readonly number[],
): Core {
  const first = middleOf(votes.map((vote) => vote.values))
  const tolerance = tolerancesAround(first, tolerances, lengths)
  return { accepted: votes.filter((vote) => isNear(vote.values, first, tolerance)), tolerance }
}

/**
 * The coordinate-wise upper median of the accepted vectors. Those who agree are the accepted ones within the tolerance of
 * it.
 *
 * Let m >= 2f + 1 be the observations, and F <= f those that are not an honest node's vector: lies, abstentions, other
 * lengths; L <= F of them are vectors. Let honest vectors be within the tolerance of each other;
 * of each coordinate there is one tolerance, that at the first median.
 * 1. Of the v = L + m - F vectors more than L are honest: m - F >= f + 1 > L. So at any coordinate, ceil(v / 2) >= L + 1
 *    vectors are at least the upper median and floor(v / 2) + 1 >= L + 1 at most that: an honest one on each side.
 *    The first median is in [least honest, greatest honest].
 * 2. Hence no honest vector is left out, and 1. holds of the accepted ones too: so is the answer.
 * 3. Hence every honest vector is within the tolerance of the answer: at least m - F >= m - f agree. Liars can't prevent it.
 *
 * Where honest nodes abstain or differ, so that F > f, the answer is still no liar's alone: m - f >= f + 1 agree, one of
 * those is honest, and its vector is within the tolerance of the answer. What a minority can do is choose within that.
 */
export function medianOf(
  votes: readonly Vote[],
  tolerances: readonly Tolerance[],
  lengths: readonly number[],
): Judgement {
  const { accepted, tolerance } = core(votes, tolerances, lengths)
  if (accepted.length === 0) return { values: [], reference: [], agreeing: [], votes: [], undecided: 0 }
  const values = middleOf(accepted.map((vote) => vote.values))
  const agreeing = accepted.filter((vote) => isNear(vote.values, values, tolerance))
  return { values, reference: values, agreeing, votes: [], undecided: 0 }
}
