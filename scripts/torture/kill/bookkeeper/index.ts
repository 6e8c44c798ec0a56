import { z } from 'zod'
import { apiToken, definePlugin } from '../../../../node/kernel/plugin.ts'

/** Keeps books of all that it is told, for the torture to audit. */
export default definePlugin({
  provides: apiToken<object>('bookkeeper'),
  version: '1.0.0',
  summary: 'Writes down every event that it is told of',
  needs: ['events', 'store'],
  requires: {},
  config: z.strictObject({
    contracts: z
      .array(
        z.strictObject({
          kind: z.enum(['pool', 'feed']),
          chainId: z.int(),
          address: z.templateLiteral(['0x', z.string().regex(/^[0-9a-fA-F]{40}$/)]),
          startBlock: z.int(),
        }),
      )
      .describe('What to follow.'),
  }),
  contracts: ({ contracts }) => contracts,
  load: () => import('./plugin.ts'),
})
