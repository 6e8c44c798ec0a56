import { z } from 'zod'

/** A number that a digest can bind: canonical JSON has no fractions. */
const decimal = z
  .string()
  .regex(/^-?(0|[1-9][0-9]{0,17})(\.[0-9]{0,17}[1-9])?$/, 'must be a decimal number as text, such as "0.5"')

const column = z
  .strictObject({
    name: z.string().min(1).max(128),
    /** Ascending: bin i holds what is above edge i - 1 and at most edge i, the last one what is above all. */
    edges: z.array(decimal).min(1).max(31),
    /** How many values of the sample fell into each bin. */
    counts: z.array(z.int().min(0)).min(2).max(32),
  })
  .refine(({ edges, counts }) => counts.length === edges.length + 1, {
    path: ['counts'],
    message: 'must be one more than the edges',
  })
  .refine(({ edges }) => edges.every((edge, i) => i === 0 || Number(edges[i - 1]) < Number(edge)), {
    path: ['edges'],
    message: 'must ascend',
  })
  .refine(({ counts }) => counts.some((count) => count > 0), { path: ['counts'], message: 'are all zero' })

const distribution = z.strictObject({
  tensor: z.string().min(1).max(128),
  /** One for each place of the last axis, or one for all values of the tensor. */
  columns: z.array(column).min(1).max(256),
})

/**
 * A sample of fewer values says nothing: what it is of itself would seem to drift. Against 500 rows of ten bins the index is
 * about chi-square with nine degrees of freedom, times 1/200 + 1/500: above 0.2 once in a thousand times.
 */
export const LEAST_VALUES = 200

/** How inputs and outputs were distributed where the model learned, for what is run later to be held against. */
export const referenceSchema = z.strictObject({
  inputs: z.array(distribution).max(32),
  outputs: z.array(distribution).max(32),
})

export type Reference = z.infer<typeof referenceSchema>
export type Distribution = Reference['inputs'][number]

interface Port {
  readonly name: string
  readonly type: string
  readonly shape: readonly (number | null)[]
}

/** What of a reference does not fit the model's inputs and outputs, for people; empty where all does. */
export function referenceFaults(
  reference: Reference,
  ports: { readonly inputs: readonly Port[]; readonly outputs: readonly Port[] },
): readonly { readonly path: readonly (string | number)[]; readonly message: string }[] {
  return (['inputs', 'outputs'] as const).flatMap((kind) => {
    const names = reference[kind].flatMap(({ columns }) => columns.map(({ name }) => name))
    const doubles = new Set(names).size < names.length
    return reference[kind].flatMap(({ tensor, columns }, i) => {
      const path = ['reference', kind, i]
      const port = ports[kind].find(({ name }) => name === tensor)
      if (port === undefined || port.type === 'string')
        return [{ path: [...path, 'tensor'], message: `${tensor} is no tensor of numbers here` }]
      if (columns.length > 1 && columns.length !== port.shape.at(-1))
        return [
          { path: [...path, 'columns'], message: 'must be one, or one for each place of the last axis' },
        ]
      return doubles ? [{ path, message: 'has two columns of one name' }] : []
    })
  })
}
