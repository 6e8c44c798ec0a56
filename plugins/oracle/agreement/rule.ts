import { z } from 'zod'
import { OracleError } from '../errors.ts'

const upTo39Digits = z.string().regex(/^(0|[1-9][0-9]{0,38})$/, 'must be a decimal string')

const tolerance = z.strictObject({
  /** Quantised units. */
  absolute: upTo39Digits,
  relativePpm: z.int().min(0).max(1_000_000),
})

/** One for each output of the model, in their order. */
const tolerances = z.array(tolerance).min(1).max(32)

/** Quantised units; at least 1, so that equal scores never make a choice. */
const margin = upTo39Digits.refine((text) => text !== '0', 'must be at least 1')

/**
 * How observations of one tensor question become one answer. Integers and decimal strings alone, so that its canonical
 * JSON, and with it the digest that binds it, is the same everywhere.
 */
export const agreementRule = z.discriminatedUnion('rule', [
  /** Middle of every coordinate; may be a vector that no node gave. */
  z.strictObject({ rule: z.literal('median'), tolerances }),
  /** A vector that a node gave: the one that the others stand closest around. */
  z.strictObject({ rule: z.literal('medoid'), tolerances }),
  /** Vectors are scores, one a class: a vote on the best. */
  z.strictObject({ rule: z.literal('class'), margin }),
  /** A vote on the set of the `k` best. */
  z.strictObject({ rule: z.literal('top-k'), k: z.int().min(1).max(1024), margin }),
])

export type AgreementRule = z.infer<typeof agreementRule>

/** Observations within max(absolute, |value| * relativePpm / 10^6) of a value agree with it. */
export type Tolerance = z.infer<typeof tolerance>

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
