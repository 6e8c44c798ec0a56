import { z } from 'zod'
import { logLevels } from '../ports/log.ts'

/** What is logged, and how. */
export const logSchema = z
  .strictObject({
    level: z.enum(logLevels).default('info').describe('Least important level to log.'),
    format: z
      .enum(['json', 'pretty'])
      .default('json')
      .describe('`json` for machines, one object a line; `pretty` for people.'),
  })
  .prefault({})
  .describe('The log, on standard output.')
