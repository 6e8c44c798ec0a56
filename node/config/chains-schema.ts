import { z } from 'zod'
import { chainSchema } from './chain-schema.ts'
import { isUnique } from './schema-parts.ts'

/** The chains, each with an id and a name of its own. */
export const chainsSchema = z
  .array(chainSchema)
  .min(1, 'expected at least one chain')
  .refine((list) => isUnique(list, 'id'), {
    error: 'two chains have the same id',
    params: { remedy: 'remove one of them, or correct its id' },
    // Told together with the faults of single entries.
    when: ({ value }) => Array.isArray(value),
  })
  .refine((list) => isUnique(list, 'name'), {
    error: 'two chains have the same name',
    params: { remedy: 'give each chain a name of its own' },
    when: ({ value }) => Array.isArray(value),
  })
  .describe('The EVM chains that the node reads and writes.')
