import type { AlertCondition } from '../ports/alerts.ts'

export interface Verdict {
  readonly holds: boolean
  /** What the value was held against, in words. */
  readonly against: string
}

/** Of normally distributed values, the standard deviation in units of the median absolute deviation, and of the mean one. */
const PER_MEDIAN_DEVIATION = 1.4826
const PER_MEAN_DEVIATION = 1.2533
/** Fewer values than this share of the windows asked for say nothing of what is usual. */
const ENOUGH = 0.5

/**
 * Whether a value is worth an alert.
 *
 * @param before values of the whole windows before, for `unlike`; those that say nothing left out
 * @returns null where there is too little to hold it against
 */
export function judge(condition: AlertCondition, value: number, before: readonly number[]): Verdict | null {
  if (condition.kind !== 'unlike') {
    const { kind, limit } = condition
    return { holds: kind === 'above' ? value > limit : value < limit, against: `${kind} ${limit}` }
  }
  const { sigmas, of } = condition
  if (before.length < Math.max(3, of * ENOUGH)) return null
  const middle = median(before)
  const spread = before.map((other) => Math.abs(other - middle))
  // Where more than half are equal, the median says that there is no deviation at all: the mean still knows of the others.
  const sigma = median(spread) * PER_MEDIAN_DEVIATION || mean(spread) * PER_MEAN_DEVIATION
  const away = Math.abs(value - middle)
  return {
    holds: away > sigmas * sigma,
    against: `${sigmas} sigmas of ${round(sigma)} about the median ${round(middle)} of ${before.length} windows`,
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Six digits are enough to read. */
export function round(value: number): string {
  return String(Number(value.toPrecision(6)))
}
