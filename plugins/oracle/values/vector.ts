import type { AgreementRule } from '../../../node/ports/agreement-rule.ts'
import type { Attributed } from '../../../node/ports/quorum.ts'
import { agree } from '../agreement/agree.ts'
import { compare, magnitude } from '../agreement/vectors.ts'
import type { FeedRules } from '../contract-config.ts'
import { OracleError } from '../errors.ts'
import type { ContractTerms } from '../feed-types.ts'
import { deviates, isWithin, requireInt192 } from './scalar.ts'
import type { Judged, JudgeOptions, ValueType } from './value-type.ts'
import { vectorObservationCodec, vectorOutcomeCodec } from './vector-codecs.ts'

/** One number for each label of the contract. */
export const vector: ValueType<readonly bigint[]> = {
  observation: vectorObservationCodec,
  outcome: vectorOutcomeCodec,
  check: checkVector,
  judge: judgeVectors,
  deviates: (last, value, rules) =>
    value.some((element, i) => elementDeviates(last[i] ?? 0n, element, rules)),
  isWithin: (limits, value) => value.every((element) => isWithin(limits, element)),
  compare: compareVectors,
  ofRow(row) {
    if ('answers' in row && Array.isArray(row.answers))
      return row.answers.map((element) => BigInt(String(element)))
    throw new OracleError('ORACLE_BAD_BYTES', `round ${row.roundId} is none of a vector feed`)
  },
}

/**
 * Any element by itself, so that each of them is as exact on-chain as a feed of its own would be. What honest validators
 * may be apart is no move: an element of a few units would make a report nearly every round.
 */
function elementDeviates(
  last: bigint,
  value: bigint,
  { deviationPpm, toleranceAbsolute }: FeedRules,
): boolean {
  if (deviationPpm > 0 && magnitude(value - last) <= toleranceAbsolute) return false
  return deviates(last, value, deviationPpm)
}

function checkVector(value: readonly bigint[], { labels }: ContractTerms): void {
  const want = labels?.length ?? 0
  if (value.length !== want)
    throw new OracleError(
      'ORACLE_BAD_OBSERVATION',
      `a vector has ${value.length} elements and its contract ${want} labels: they belong to different models or configurations`,
      { length: value.length, labels: want },
    )
  value.forEach(requireInt192)
}

/** What `agree` says by the rule of the contract's configuration; without agreement the answer is empty. */
function judgeVectors(
  { f, rules, labels }: JudgeOptions,
  observations: readonly Attributed<readonly bigint[]>[],
): Judged<readonly bigint[]> {
  const { agreement: rule, toleranceAbsolute, tolerancePpm } = rules
  const tolerances = [{ absolute: toleranceAbsolute.toString(), relativePpm: tolerancePpm }]
  const agreement = agree(
    { rule, tolerances } satisfies AgreementRule,
    { f, lengths: [labels?.length ?? 0] },
    observations.map(({ oracle, value }) => ({ oracle, value: { kind: 'values', values: value } })),
  )
  const agreeing = agreement.kind === 'agreed' ? agreement.agreeing : []
  return {
    observations: observations.map(({ oracle, value }) => ({
      oracle,
      value,
      accepted: agreeing.includes(oracle),
    })),
    answer: agreement.kind === 'agreed' ? agreement.values : [],
    spread: agreement.kind === 'agreed' ? agreement.spread : 0n,
    agreed: agreement.kind === 'agreed',
  }
}

function compareVectors(a: readonly bigint[], b: readonly bigint[]): number {
  for (const [i, element] of a.entries()) {
    const order = compare(element, b[i] ?? 0n)
    if (order !== 0) return order
  }
  return a.length - b.length
}
