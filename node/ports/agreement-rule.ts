import { z } from 'zod'

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
