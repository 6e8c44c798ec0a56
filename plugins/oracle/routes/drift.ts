import { z } from 'zod'
import type { ModelDrift } from '../../../node/ports/inference.ts'

/** How far the newest runs of a model are from its reference. */
export const driftSchema = z
  .object({
    rows: z.int().meta({ description: 'Rows in the window: the newest ones, of a day at most' }),
    neededRows: z.int().meta({ description: 'Fewer rows say nothing' }),
    greatest: z
      .number()
      .nullable()
      .meta({ description: 'Greatest index of all; null while there are too few rows' }),
    readings: z
      .array(z.object({ kind: z.enum(['input', 'output']), name: z.string(), psi: z.number() }))
      .meta({
        description:
          'Population-stability index of each input and output against the reference in the manifest: by usage, below 0.1 nothing happened, above 0.25 the population is another one',
      }),
  })
  .nullable()
  .meta({ description: 'Null where the manifest has no reference' })

export function driftView(drift: ModelDrift | undefined): z.output<typeof driftSchema> {
  if (drift === undefined) return null
  const { rows, neededRows, readings } = drift
  const greatest = readings.length === 0 ? null : Math.max(...readings.map(({ psi }) => psi))
  return { rows, neededRows, greatest, readings: readings.map((reading) => ({ ...reading })) }
}
