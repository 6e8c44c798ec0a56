import type { ManifestModel } from '../../../inference/manifest.ts'
import { distance } from '../../../inference/quantize.ts'
import type { Answers } from './measure-ways.ts'

/** Answers are measured this much finer than a model's own units. */
export const FINER_DECIMALS = 3
/** From so many units on a gap is told as a part of the answer, below in units: rounding says more of those. */
const LARGE_UNITS = 100_000n
const PPM_FROM_UNITS = 1_000n
/** Two floats a bit apart can be rounded to neighbouring units; and twice that. */
const LEAST_UNITS = 2n
/** Tolerances above tell of digits that nobody agrees on. */
const MOST_UNITS = 1_000_000n
/** Below no answer has more than two digits. */
const LEAST_ANSWER = 1_000n

/** The least and the greatest answer that somebody gave, of each case. */
export interface Extremes {
  readonly low: Answers
  readonly high: Answers
}

export function extremesOf(answers: readonly Answers[]): Extremes {
  const [first = []] = answers
  const fold = (choose: (a: bigint, b: bigint) => bigint): Answers =>
    first.map(
      (values, i) =>
        values?.map((value, j) => answers.reduce((best, way) => choose(best, way[i]?.[j] ?? best), value)) ??
        null,
    )
  return { low: fold(min), high: fold(max) }
}

/** How far apart answers are at most: in a model's units, rounded up, and in millionths of answers of 1,000 units and more. */
export interface Gap {
  readonly units: bigint
  readonly ppm: number
  readonly unequal: number
}

/** Between answers and those they are held against, both in finer units of which `per` are one. */
export function gapBetween(got: Answers, from: Answers, per: bigint): Gap {
  let [units, ppm, unequal] = [0n, 0, 0]
  for (const [gap, size] of gaps(got, from)) {
    if (gap === 0n) continue
    unequal++
    units = max(units, ceil(gap, per))
    if (size >= PPM_FROM_UNITS * per) ppm = Math.max(ppm, (Number(gap) / Number(size)) * 1e6)
  }
  return { units, ppm, unequal }
}

export interface Scale {
  readonly decimals: number
  readonly tolerance: { readonly absolute: string; readonly relativePpm: number }
}

export interface Proposal extends Scale {
  /** For votes on classes: above twice the greatest spread, no two honest nodes choose differently. */
  readonly margin: string
}

/**
 * Twice the greatest honest spread, rounded up to two digits: of large answers in millionths, of small ones in units. The
 * scale stays unless most of an answer's digits are noise, or an answer has next to none.
 */
export function propose(
  { low, high }: Extremes,
  entry: Pick<ManifestModel, 'quantization' | 'outputs'>,
  finerDecimals: number,
): Proposal {
  const { decimals: now, output } = entry.quantization
  const isFloat = entry.outputs.find(({ name }) => name === output)?.type.startsWith('float') === true
  const sizes = [...low, ...high].flatMap((values) => values?.map(magnitude) ?? [])
  const greatest = sizes.reduce(max, 0n)
  const widest = [...gaps(high, low)].reduce((most, [gap]) => max(most, gap), 0n)
  const decimals = isFloat ? scaleFor({ widest, greatest, now, finest: finerDecimals }) : now
  const per = 10n ** BigInt(finerDecimals - decimals)
  let [absolute, ppm, whole] = [isFloat ? LEAST_UNITS : 0n, 0n, 0n]
  for (const [gap, size] of gaps(high, low)) {
    whole = max(whole, 2n * ceil(gap, per))
    if (size >= LARGE_UNITS * per) ppm = max(ppm, ceil(2n * gap * 1_000_000n, size))
    else absolute = max(absolute, 2n * ceil(gap, per))
  }
  return {
    decimals,
    tolerance: {
      absolute: String(twoDigits(absolute)),
      relativePpm: Number(min(twoDigits(ppm), 1_000_000n)),
    },
    margin: String(twoDigits(whole) + 1n),
  }
}

/** No tolerance below one that stands already: what one machine sees says nothing of others. */
export function notBelow(now: Scale, { decimals, tolerance, margin }: Proposal): Proposal {
  const more = decimals - now.decimals
  const standing = BigInt(now.tolerance.absolute)
  const absolute = more >= 0 ? standing * 10n ** BigInt(more) : ceil(standing, 10n ** BigInt(-more))
  return {
    ...{ decimals, margin },
    tolerance: {
      absolute: String(max(absolute, BigInt(tolerance.absolute))),
      relativePpm: Math.max(now.tolerance.relativePpm, tolerance.relativePpm),
    },
  }
}

function scaleFor(of: { widest: bigint; greatest: bigint; now: number; finest: number }): number {
  const at = (value: bigint, decimals: number) => ceil(value, 10n ** BigInt(of.finest - decimals))
  let { now: decimals } = of
  while (decimals > 0 && at(2n * of.widest, decimals) > MOST_UNITS) decimals--
  if (decimals < of.now) return decimals
  while (
    decimals < of.finest &&
    of.greatest > 0n &&
    at(of.greatest, decimals) < LEAST_ANSWER &&
    at(2n * of.widest, decimals + 1) <= MOST_UNITS
  )
    decimals++
  return decimals
}

/** The gap and the smaller size of every two values at the same place. */
function* gaps(a: Answers, b: Answers): Generator<readonly [gap: bigint, size: bigint]> {
  for (const [i, values] of a.entries())
    for (const [j, value] of values?.entries() ?? []) {
      const other = b[i]?.[j]
      if (other !== undefined) yield [distance(value, other), min(magnitude(value), magnitude(other))]
    }
}

/** To the next number of two digits and zeros. */
function twoDigits(value: bigint): bigint {
  const step = 10n ** BigInt(Math.max(0, String(value).length - 2))
  return ceil(value, step) * step
}

const ceil = (value: bigint, per: bigint) => (value + per - 1n) / per
const magnitude = (value: bigint) => (value < 0n ? -value : value)
const max = (a: bigint, b: bigint) => (a > b ? a : b)
const min = (a: bigint, b: bigint) => (a < b ? a : b)
