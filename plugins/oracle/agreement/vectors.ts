import type { Tolerance } from '../../../node/ports/agreement-rule.ts'
import { OracleError } from '../errors.ts'

// Vectors of one call have one length: `agree` sorts the others out before.

export const magnitude = (value: bigint): bigint => (value < 0n ? -value : value)

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)

export const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

/** Element `i`, which exists. */
export function at<T>(list: readonly T[], i: number): T {
  const value = list[i]
  if (value === undefined)
    throw new OracleError('ORACLE_BAD_OBSERVATION', `there is no element ${i} among ${list.length}`, { i })
  return value
}

/** The upper median of each coordinate: element floor(n / 2) of the n values in rising order. */
export function middleOf(vectors: readonly (readonly bigint[])[]): readonly bigint[] {
  return at(vectors, 0).map((_, i) => {
    const column = vectors.map((vector) => at(vector, i))
    return at(column.sort(compare), column.length >> 1)
  })
}

/** The tolerance of each coordinate around `values`: max(absolute, |value| * relativePpm / 10^6) of its output. */
export function tolerancesAround(
  values: readonly bigint[],
  tolerances: readonly Tolerance[],
  lengths: readonly number[],
): readonly bigint[] {
  let next = 0
  return lengths.flatMap((length, output) => {
    const { absolute, relativePpm } = at(tolerances, output)
    const least = BigInt(absolute)
    const ppm = BigInt(relativePpm)
    const part = values.slice(next, next + length)
    next += length
    return part.map((value) => max(least, (magnitude(value) * ppm) / 1_000_000n))
  })
}

/** Whether no coordinate is farther than its tolerance. */
export function isNear(a: readonly bigint[], b: readonly bigint[], tolerance: readonly bigint[]): boolean {
  return a.every((value, i) => magnitude(value - at(b, i)) <= at(tolerance, i))
}

/** Greatest difference of any coordinate (the L-infinity distance). */
export function distance(a: readonly bigint[], b: readonly bigint[]): bigint {
  return a.reduce((most, value, i) => max(most, magnitude(value - at(b, i))), 0n)
}

/** Greatest distance between any two. */
export function spreadOf(vectors: readonly (readonly bigint[])[]): bigint {
  const low = [...at(vectors, 0)]
  const high = [...low]
  for (const vector of vectors)
    vector.forEach((value, i) => {
      if (value < at(low, i)) low[i] = value
      if (value > at(high, i)) high[i] = value
    })
  return distance(high, low)
}
