import type { Attributed } from '../../../node/ports/quorum.ts'
import { compare, magnitude } from '../agreement/vectors.ts'
import { observationCodec, outcomeCodec } from '../codecs.ts'
import { OracleError } from '../errors.ts'
import type { AnswerLimits, JudgedObservation } from '../feed-types.ts'
import type { Judged, JudgeOptions, ValueType } from './value-type.ts'

const INT192_LIMIT = 2n ** 191n

/** One number. */
export const scalar: ValueType<bigint> = {
  observation: observationCodec,
  outcome: outcomeCodec,
  check: requireInt192,
  judge: judgeScalars,
  deviates: (last, value, { deviationPpm }) => deviates(last, value, deviationPpm),
  isWithin,
  compare,
  ofRow(row) {
    if ('answer' in row) return row.answer
    throw new OracleError('ORACLE_BAD_BYTES', `round ${row.roundId} is one of a vector feed`)
  },
}

/**
 * The median after rejecting outliers.
 *
 * Of at least 2f+1 observations at most f lie, so the plain median stands within the honest range. While honest
 * validators are within the tolerance of each other, none of them is rejected and the answer stands in their range too.
 * When they are not, the answer is still within the tolerance of that range, and as a rule there is no agreement.
 */
function judgeScalars(
  { f, rules }: JudgeOptions,
  observations: readonly Attributed<bigint>[],
): Judged<bigint> {
  const middle = median(observations.map(({ value }) => value))
  const tolerance = max(
    rules.toleranceAbsolute,
    (magnitude(middle) * BigInt(rules.tolerancePpm)) / 1_000_000n,
  )
  const judged: JudgedObservation[] = observations.map(({ oracle, value }) => ({
    oracle,
    value,
    accepted: magnitude(value - middle) <= tolerance,
  }))
  const accepted = judged.filter((entry) => entry.accepted).map((entry) => entry.value)
  return {
    observations: judged,
    answer: median(accepted),
    spread: accepted.reduce(max) - accepted.reduce(min),
    agreed: observations.length - accepted.length <= f,
  }
}

/** The upper median: an element of the list, and what an OCR2 aggregator takes, `observations[length / 2]`. */
export function median(values: readonly bigint[]): bigint {
  const middle = [...values].sort(compare)[values.length >> 1]
  if (middle === undefined) throw new OracleError('ORACLE_NO_DATA', 'no observations: there is no median')
  return middle
}

/** From zero every move is infinitely large. */
export function deviates(last: bigint, value: bigint, ppm: number): boolean {
  if (last === 0n) return value !== 0n
  return magnitude(value - last) * 1_000_000n >= magnitude(last) * BigInt(ppm)
}

/** Whether a contract with these limits takes the answer. */
export function isWithin({ min, max }: AnswerLimits, answer: bigint): boolean {
  return min <= answer && answer <= max
}

/** Throws `ORACLE_BAD_OBSERVATION`. */
export function requireInt192(value: bigint): void {
  if (value >= INT192_LIMIT || value < -INT192_LIMIT)
    throw new OracleError('ORACLE_BAD_OBSERVATION', 'the value does not fit into an int192')
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)
