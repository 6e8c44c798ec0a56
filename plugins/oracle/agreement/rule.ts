import type { AgreementRule } from '../../../node/ports/agreement-rule.ts'
import { OracleError } from '../errors.ts'

/**
 * Throws `ORACLE_BAD_RULE` when a rule can't judge vectors of these outputs. `lengths`: how many elements each output of
 * the model has for the question at hand.
 */
export function requireFit(rule: AgreementRule, lengths: readonly number[]): void {
  if (lengths.length === 0 || lengths.some((length) => !Number.isSafeInteger(length) || length < 1))
    throw new OracleError(
      'ORACLE_BAD_RULE',
      'every output needs at least one element: ask for a question whose answer is not empty',
      { outputs: lengths.length },
    )
  if ('tolerances' in rule) {
    if (rule.tolerances.length !== lengths.length)
      throw new OracleError(
        'ORACLE_BAD_RULE',
        `the rule has ${rule.tolerances.length} tolerances for ${lengths.length} outputs: give one for each`,
        { tolerances: rule.tolerances.length, outputs: lengths.length },
      )
    return
  }
  const [classes, ...others] = lengths
  const k = rule.rule === 'class' ? 1 : rule.k
  if (others.length > 0 || classes === undefined || classes <= k)
    throw new OracleError(
      'ORACLE_BAD_RULE',
      `the ${k} best are asked of one output with more than ${k} classes: choose that output alone, or a smaller k`,
      { outputs: lengths.length, classes: classes ?? 0, k },
    )
}
