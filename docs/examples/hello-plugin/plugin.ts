import { z } from 'zod'
import type { Context } from '../../../node/kernel/plugin.ts'
import type { Subscription } from '../../../node/ports/events.ts'

type Ctx = Context<'events' | 'store' | 'http.routes', Record<never, never>, { greeting: string }>

export function setup({ can, config }: Ctx) {
  const [events, store, routes] = [can('events'), can('store'), can('http.routes')]
  const swaps = async () => Number((await store.query({ sql: 'SELECT count(*) AS n FROM swap' }))[0]?.n ?? 0)
  routes.add({
    method: 'get',
    path: '/v1/hello/swaps',
    summary: 'How many swaps this node has seen',
    response: z.object({ greeting: z.string(), swaps: z.int() }),
    handler: async () => ({ greeting: config.greeting, swaps: await swaps() }),
  })
  let subscription: Subscription | undefined
  return {
    api: { swaps },
    async start() {
      await store.migrate([{ id: '1', sql: 'CREATE TABLE swap (log text PRIMARY KEY)' }])
      const options = { consumer: 'count', names: ['pool.Swap'], from: 'start', stage: 'seen' } as const
      subscription = await events.subscribe(options, async ({ stage, chainId, blockHash, logIndex }) => {
        // Events come at least once: either statement may run twice.
        const sql =
          stage === 'reverted'
            ? 'DELETE FROM swap WHERE log = $1'
            : 'INSERT INTO swap VALUES ($1) ON CONFLICT DO NOTHING'
        await store.batch([{ sql, params: [`${chainId}-${blockHash}-${logIndex}`] }])
      })
    },
    stop: async () => subscription?.close(),
  }
}
