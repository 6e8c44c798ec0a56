import { z } from 'zod'

/** A number that a digest can bind: canonical JSON has no fractions, so it is a decimal text. */
const decimal = z
  .string()
  .regex(/^-?(0|[1-9][0-9]{0,17})(\.[0-9]{0,17}[1-9])?$/, 'must be a decimal number as text, such as "0.5"')

const tensor = z.string().min(1).max(128)

/**
 * What can be done to a tensor before a model and after it: a closed list, so that every node does the same. All work
 * along the last axis, in the double precision of ECMAScript, rounded to the tensor's type at the end.
 *
 * - `window`: the last `size` values; fewer are refused. `barSeconds` says what one stands for.
 * - `log-return`: ln(x[t] / x[t-1]), one value less; all must be above zero.
 * - `scale`: x * multiply + add; one number for all, or one for each place.
 * - `clip`: into [min, max].
 * - `one-hot`: each whole number 0 to size - 1 becomes a row of `size` zeros with a one; the axis is new.
 */
export const operationSchema = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('window'),
    tensor,
    size: z
      .int()
      .min(1)
      .max(2 ** 20),
    barSeconds: z.int().positive().optional(),
  }),
  z.strictObject({ op: z.literal('log-return'), tensor }),
  z.strictObject({
    op: z.literal('scale'),
    tensor,
    multiply: z.union([decimal, z.array(decimal).min(1).max(4096)]),
    add: z.union([decimal, z.array(decimal).min(1).max(4096)]),
  }),
  z.strictObject({ op: z.literal('clip'), tensor, min: decimal, max: decimal }),
  z.strictObject({ op: z.literal('one-hot'), tensor, size: z.int().min(2).max(65_536) }),
])

export type Operation = z.infer<typeof operationSchema>
