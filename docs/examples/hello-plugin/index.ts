import { z } from 'zod'
import { apiToken, definePlugin } from '../../../node/kernel/plugin.ts'

export default definePlugin({
  provides: apiToken<{ swaps(): Promise<number> }>('hello'),
  version: '1.0.0',
  summary: 'Counts the swaps of every pool and serves the count',
  needs: ['events', 'store', 'http.routes'],
  requires: {},
  config: z.strictObject({ greeting: z.string().default('hello').describe('First word of the answer.') }),
  load: () => import('./plugin.ts'),
})
