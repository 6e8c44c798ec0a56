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
      await store.migrate([{ id: '1', sql: 'CREATE TABLE swap (seq bigint PRIMARY KEY)' }])
      const names = ['pool.Swap']
      subscription = await events.subscribe({ consumer: 'count', names, from: 'start' }, async ({ seq }) => {
        // Events come at least once; the primary key makes a second time harmless.
        await store.batch([{ sql: 'INSERT INTO swap VALUES ($1) ON CONFLICT DO NOTHING', params: [seq] }])
      })
    },
    stop: async () => subscription?.close(),
  }
}
