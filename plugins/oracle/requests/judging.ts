import { type AgreementRule, agreementRule } from '../../../node/ports/agreement-rule.ts'
import type { Attributed } from '../../../node/ports/quorum.ts'
import { OracleError } from '../errors.ts'
import type { RequestResult } from './request-types.ts'

/**
 * How many values the answer has. The model says so, and honest validators that ran it agree; f liars can't make up a
 * length that more than f gave. Null: there is none.
 */
export function commonLength(results: readonly Attributed<RequestResult>[], f: number): number | null {
  const counts = new Map<number, number>()
  for (const { value } of results)
    if (value.kind === 'values') counts.set(value.values.length, (counts.get(value.values.length) ?? 0) + 1)
  const [first] = [...counts].sort(([a, i], [b, j]) => j - i || a - b)
  return first !== undefined && first[1] > f ? first[0] : null
}

/** Classes that a rule chooses; none of a vector of numbers. */
export function choices(rule: AgreementRule): number {
  if (rule.rule === 'class') return 1
  return rule.rule === 'top-k' ? rule.k : 0
}

/** Throws `ORACLE_BAD_BYTES` for what is no rule. */
export function parseRule(text: string): AgreementRule {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = null
  }
  const parsed = agreementRule.safeParse(json)
  if (!parsed.success)
    throw new OracleError('ORACLE_BAD_BYTES', 'a request of this query has no rule of agreement')
  return parsed.data
}
