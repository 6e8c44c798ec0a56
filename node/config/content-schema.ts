import { z } from 'zod'

/** What is kept for the other validators. */
export const contentSchema = z
  .strictObject({
    maxMb: z
      .int()
      .min(1)
      .max(1_048_576)
      .default(256)
      .describe('Mebibytes on disk that all of them together may take. What is needed least goes first.'),
    rateMb: z
      .int()
      .min(1)
      .max(1_024)
      .default(8)
      .describe(
        'Mebibytes per second that one validator is given; all together get at most four times that.',
      ),
    serveModels: z
      .boolean()
      .default(true)
      .describe('Lets other validators fetch the models that this node runs: `iyi model add peer:<digest>`.'),
  })
  .prefault({})
  .describe(
    'Contents that are named by their hash, such as inputs of requests: kept for the other validators.',
  )
