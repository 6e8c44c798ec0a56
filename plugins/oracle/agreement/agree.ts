import type { AgreementRule } from '../../../node/ports/agreement-rule.ts'
import type { Attributed } from '../../../node/ports/quorum.ts'
import { OracleError } from '../errors.ts'
import type { Agreement, Judgement, NoAgreementReason, TensorObservation, Vote } from './agreement-types.ts'
import { classOf } from './classes.ts'
import { medianOf } from './median.ts'
import { medoidOf } from './medoid.ts'
import { requireFit } from './rule.ts'
import { distance, spreadOf } from './vectors.ts'

/** What is the same for all who judge. */
export interface Question {
  /** How many of the network's n >= 3f + 1 nodes may lie. */
  readonly f: number
  /** How many elements each output has, in the model's order; together the length of every vector. */
  readonly lengths: readonly number[]
  /** Fewer nodes behind an answer than this make no agreement. */
  readonly minAgreeing?: number
}

/**
 * Pure integer code: the one answer of at least 2f + 1 observations, in whatever order, or that there is none; which is a
 * result, and never made up for by a guess. At most f observations, abstentions and vectors of another length among them,
 * may not stand with the answer. If more had to, f liars who are quicker than f honest nodes could prevent every
 * agreement; if fewer, no honest node need stand behind it. `minAgreeing` asks for more all the same.
 *
 * What f liars can do stands at `medianOf`, `medoidOf` and `classOf`. Throws `ORACLE_BAD_RULE` when rule and question do
 * not fit each other, and `ORACLE_BAD_OBSERVATION` when an oracle is there twice.
 */
export function agree(
  rule: AgreementRule,
  question: Question,
  observations: readonly Attributed<TensorObservation>[],
): Agreement {
  const { f, lengths, minAgreeing = 0 } = question
  requireFit(rule, lengths)
  requireCounts(f, minAgreeing)
  const sorted = [...observations].sort((a, b) => a.oracle - b.oracle)
  requireDistinct(sorted)

  const votes = votesOf(sorted, lengths)
  const abstained = sorted.flatMap(({ value }) => (value.kind === 'abstained' ? [value.reason] : []))
  const required = sorted.length - f
  const enough = sorted.length >= 2 * f + 1
  const judgement = enough && votes.length > 0 ? judge(rule, lengths, votes, required) : null
  const result = {
    votes: judgement?.votes ?? [],
    tally: {
      observed: sorted.length,
      abstained: abstained.length,
      malformed: sorted.length - abstained.length - votes.length,
      undecided: judgement?.undecided ?? 0,
      agreeing: judgement?.agreeing.length ?? 0,
    },
  }
  const none = (reason: NoAgreementReason): Agreement => ({
    kind: 'none',
    reason,
    because: moreThan(f, abstained),
    ...result,
  })
  if (!enough) return none('too-few-observations')
  if (abstained.length > f) return none('abstained')
  if (result.tally.undecided > f) return none('undecided')
  if (judgement === null || judgement.agreeing.length < required) return none('apart')
  if (judgement.agreeing.length < minAgreeing) return none('too-few-agreeing')

  const vectors = new Map(votes.map((vote) => [vote.oracle, vote.values]))
  return {
    kind: 'agreed',
    values: judgement.values,
    agreeing: judgement.agreeing.map((vote) => vote.oracle),
    spread: spreadOf(judgement.agreeing.map((vote) => vote.values)),
    distances: sorted.map(({ oracle }) => {
      const values = vectors.get(oracle)
      return { oracle, distance: values === undefined ? null : distance(values, judgement.reference) }
    }),
    ...result,
  }
}

function judge(
  rule: AgreementRule,
  lengths: readonly number[],
  votes: readonly Vote[],
  required: number,
): Judgement {
  switch (rule.rule) {
    case 'median':
      return medianOf(votes, rule.tolerances, lengths)
    case 'medoid':
      return medoidOf(votes, rule.tolerances, lengths, required)
    case 'class':
      return classOf(votes, 1, BigInt(rule.margin))
    case 'top-k':
      return classOf(votes, rule.k, BigInt(rule.margin))
  }
}

function votesOf(
  observations: readonly Attributed<TensorObservation>[],
  lengths: readonly number[],
): readonly Vote[] {
  const length = lengths.reduce((sum, part) => sum + part, 0)
  return observations.flatMap(({ oracle, value }) =>
    value.kind === 'values' && value.values.length === length ? [{ oracle, values: value.values }] : [],
  )
}

/** The text that is there most often, if more than `f` times; of equals the first in the order of their UTF-16 units. */
function moreThan(f: number, texts: readonly string[]): string | null {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  const [first] = [...counts].sort(([a, i], [b, j]) => j - i || (a < b ? -1 : 1))
  return first !== undefined && first[1] > f ? first[0] : null
}

function requireCounts(f: number, minAgreeing: number): void {
  for (const count of [f, minAgreeing])
    if (!Number.isSafeInteger(count) || count < 0)
      throw new OracleError(
        'ORACLE_BAD_RULE',
        'f and minAgreeing are whole numbers from 0 on: correct them',
        {
          f,
          minAgreeing,
        },
      )
}

function requireDistinct(sorted: readonly Attributed<TensorObservation>[]): void {
  sorted.forEach(({ oracle }, i) => {
    if (sorted[i + 1]?.oracle === oracle)
      throw new OracleError('ORACLE_BAD_OBSERVATION', `oracle ${oracle} is there twice`, { oracle })
  })
}
