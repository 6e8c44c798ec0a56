import type { Tolerance } from '../../../node/ports/agreement-rule.ts'
import type { Judgement, Vote } from './agreement-types.ts'
import { core } from './median.ts'
import { at, compare, isNear, magnitude, middleOf } from './vectors.ts'

/** A distance in tolerances, exact: over / under. */
interface Share {
  readonly over: bigint
  readonly under: bigint
}

/**
 * The vector, of one of the nodes, about which the smallest ball holds `required` = m - f of the accepted vectors, itself
 * among them. Distances are the greatest of any coordinate, in units of its tolerance. Those who agree are the accepted
 * ones within the tolerance of it. With fewer accepted than `required` there is no such ball, and no values.
 *
 * Why not the least greatest distance to all: one liar at the edge of the tolerance would pull the answer to its side.
 * Why not the least sum: f liars of 2f + 1 can win it from up to f honest spreads away. The ball leaves the f worst out, so:
 * with F and honest vectors as in `medianOf`, D <= 1 tolerance the greatest distance between honest ones, all honest
 * vectors are accepted, and the ball of each has a radius of at most D. So has that of the answer, whoever gave it; it
 * holds m - f vectors, of which m - 2f >= 1 at least are honest. Therefore
 * 1. the answer is within D of m - 2f honest vectors, and within 2D of all;
 * 2. at least m - f are within the tolerance of it: liars can't prevent agreement. (All honest ones are while D is at most
 *    half a tolerance.)
 *
 * A liar that sees the others' vectors can win, but only with one as good as theirs. Ties go to the vector nearest to the
 * median of the accepted ones, so that it gains nothing by leaning to a side; then to the lower values. An oracle's index
 * decides nothing.
 */
export function medoidOf(
  votes: readonly Vote[],
  tolerances: readonly Tolerance[],
  lengths: readonly number[],
  required: number,
): Judgement {
  const { accepted, tolerance } = core(votes, tolerances, lengths)
  if (accepted.length < required)
    return { values: [], reference: [], agreeing: accepted, votes: [], undecided: 0 }
  const vectors = accepted.map((vote) => vote.values)
  const middle = middleOf(vectors)
  const radii = radiiOf(vectors, tolerance, required)
  const candidates = vectors.map((values, i) => ({
    values,
    radius: at(radii, i),
    lean: share(values, middle, tolerance),
  }))
  candidates.sort(
    (a, b) =>
      compareShares(a.radius, b.radius) ||
      compareShares(a.lean, b.lean) ||
      compareVectors(a.values, b.values),
  )
  const { values } = at(candidates, 0)
  const agreeing = accepted.filter((vote) => isNear(vote.values, values, tolerance))
  return { values, reference: values, agreeing, votes: [], undecided: 0 }
}

/** Of each vector the radius of the ball about it that holds `required` of them. */
function radiiOf(
  vectors: readonly (readonly bigint[])[],
  tolerance: readonly bigint[],
  required: number,
): readonly Share[] {
  const rows: Share[][] = vectors.map(() => [])
  vectors.forEach((a, i) => {
    for (let j = i; j < vectors.length; j++) {
      const apart = share(a, at(vectors, j), tolerance)
      at(rows, i)[j] = apart
      at(rows, j)[i] = apart
    }
  })
  return rows.map((row) => at(row.sort(compareShares), required - 1))
}

/** Greatest difference of any coordinate, in its tolerance. Where that is 0 accepted vectors are equal. */
function share(a: readonly bigint[], b: readonly bigint[], tolerance: readonly bigint[]): Share {
  return a.reduce<Share>(
    (most, value, i) => {
      const over = magnitude(value - at(b, i))
      if (over === 0n) return most
      const under = at(tolerance, i)
      return over * most.under > most.over * under ? { over, under } : most
    },
    { over: 0n, under: 1n },
  )
}

const compareShares = (a: Share, b: Share): number => compare(a.over * b.under, b.over * a.under)

function compareVectors(a: readonly bigint[], b: readonly bigint[]): number {
  const i = a.findIndex((value, k) => value !== at(b, k))
  return i === -1 ? 0 : compare(at(a, i), at(b, i))
}
