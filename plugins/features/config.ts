import { z } from 'zod'

/** The event that is followed (ERC-20). */
export const TRANSFER = 'Transfer(address,address,uint256)'

const input = (name: string, of: string) =>
  z.string().min(1).max(64).default(name).describe(`What the contract's ABI calls the ${of}`)

const token = z.strictObject({
  contract: z
    .string()
    .regex(/^[a-z][a-z0-9_]*$/, 'must be the name of a contract of indexer.contracts')
    .describe(
      'Name of a contract of `indexer.contracts` with `eventLog: true`: each of its addresses is a token',
    ),
  from: input('from', 'sender: `src` where it is wrapped ether'),
  to: input('to', 'receiver'),
  value: input('value', 'amount'),
})

const score = z.strictObject({
  model: z
    .string()
    .min(1)
    .max(66)
    .describe('Id of the model that scores each transfer, or the digest of one version of it'),
  threshold: z
    .number()
    .min(0)
    .optional()
    .describe('Scores from this on are sent to the stream, as `features.flagged`; none is when absent'),
})

/** Configuration of the feature store: whose transfers it keeps, for how long, and what scores them. */
export const featuresConfig = z
  .strictObject({
    tokens: z.array(token).max(100).default([]).describe('Whose transfers are followed'),
    retentionDays: z
      .int()
      .min(1)
      .max(3_650)
      .default(90)
      .describe(
        'Transfers older than this are not served, counted back from the newest one of their token. Seven days more are kept, for the histories of the oldest ones',
      ),
    score: score.optional().describe('What scores the transfers; nothing does when absent'),
  })
  .superRefine(({ tokens }, ctx) => {
    tokens.forEach(({ contract }, index) => {
      if (tokens.findIndex((other) => other.contract === contract) < index)
        ctx.addIssue({
          code: 'custom',
          path: ['tokens', index, 'contract'],
          message: `"${contract}" is named twice: name it once`,
        })
    })
  })

export type FeaturesConfig = z.output<typeof featuresConfig>
export type TokenConfig = FeaturesConfig['tokens'][number]
