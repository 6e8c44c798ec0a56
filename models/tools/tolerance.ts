import type { ModelDescription } from './description.ts'
import { quantise } from './session.ts'

/** True when `got` is within the model's tolerance of `expected`; both in quantised units. */
export function withinTolerance(
  { tolerance }: Pick<ModelDescription, 'tolerance'>,
  got: bigint,
  expected: bigint,
): boolean {
  const size = expected < 0n ? -expected : expected
  const relative = (size * BigInt(tolerance.relativePpm)) / 1_000_000n
  const absolute = BigInt(tolerance.absolute)
  return unitsApart(got, expected) <= (relative > absolute ? relative : absolute)
}

function unitsApart(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a
}

const PPM_FROM_UNITS = 1000n

/** How far answers lie from what they are held against, at most. */
export interface Drift {
  /** Quantised units. */
  readonly units: bigint
  /** Of the unquantised values; answers below `PPM_FROM_UNITS` do not count, since rounding says more of them. */
  readonly ppm: number
  /** How many answers are not the same to the last bit. */
  readonly unequal: number
  /** How many answers leave the tolerance. */
  readonly outside: number
  readonly answers: number
}

/** Compares answers one by one; one that is missing counts as outside. */
export function driftOf(model: ModelDescription, got: readonly number[], expected: readonly number[]): Drift {
  const missing = Math.abs(got.length - expected.length)
  let [units, ppm, unequal, outside] = [0n, 0, missing, missing]
  for (const [i, wanted] of expected.entries()) {
    const value = got[i]
    if (value === undefined) continue
    const a = quantise(value, model.output.decimals)
    const b = quantise(wanted, model.output.decimals)
    const gap = unitsApart(a, b)
    if (gap > units) units = gap
    if (value !== wanted) unequal++
    if (b >= PPM_FROM_UNITS) ppm = Math.max(ppm, (Math.abs(value - wanted) / Math.abs(wanted)) * 1e6)
    if (!withinTolerance(model, a, b)) outside++
  }
  return { units, ppm, unequal, outside, answers: expected.length }
}
