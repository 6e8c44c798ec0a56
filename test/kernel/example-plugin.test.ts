import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type hello from '../../docs/examples/hello-plugin/index.ts'
import { loadPlugin } from '../../node/kernel/load-plugin.ts'
import type { AnyPlugin } from '../../node/kernel/plugin.ts'
import type { ChainEvent, EventLog } from '../../node/ports/events.ts'
import type { RouteSpec, Routes } from '../../node/ports/http.ts'
import type { Store } from '../../node/ports/store.ts'
import { hostOf } from './sample-plugins.ts'

// Importing its type makes the compiler check the example, and that it fits the seam.
const isPlugin = (plugin: typeof hello): AnyPlugin => plugin

/** Understands the statements of the example. */
function memoryStore(): Store {
  const rows = new Set<unknown>()
  const run: Store['query'] = async ({ sql, params = [] }) => {
    if (sql.startsWith('INSERT')) rows.add(params[0])
    if (sql.startsWith('DELETE')) rows.delete(params[0])
    return sql.startsWith('SELECT') ? [{ n: String(rows.size) }] : []
  }
  return {
    migrate: async () => {},
    query: run,
    batch: (statements) => Promise.all(statements.map(run)),
  }
}

function eventLog() {
  let handler: ((event: ChainEvent) => Promise<void>) | null = null
  const log: EventLog = {
    read: async () => [],
    async subscribe(options, handle) {
      expect(options).toEqual({ consumer: 'count', names: ['pool.Swap'], from: 'start', stage: 'seen' })
      handler = handle as (event: ChainEvent) => Promise<void>
      return {
        reached: async () => null,
        async close() {
          handler = null
        },
      }
    },
  }
  const deliver = async (block: bigint, stage?: 'reverted') => handler?.(swap(block, stage))
  return { log, deliver, followed: () => handler !== null }
}

const hex = (byte: string) => `0x${byte.repeat(32)}` as const
const swap = (block: bigint, stage: ChainEvent['stage'] = 'seen'): ChainEvent => ({
  seq: block,
  stage,
  key: `${block}-${stage}`,
  name: 'pool.Swap',
  chainId: 31_337,
  blockNumber: block,
  blockHash: `0x${block.toString(16).padStart(64, '0')}`,
  logIndex: 0,
  transactionHash: hex('22'),
  timestamp: 1n,
  address: `0x${'33'.repeat(20)}`,
  data: {},
})

test('the example of docs/plugins.md loads by path and works', async () => {
  expect(isPlugin).toBeTypeOf('function')
  const { plugin, source } = await loadPlugin({
    use: './hello-plugin',
    baseDir: fileURLToPath(new URL('../../docs/examples', import.meta.url)),
  })
  const events = eventLog()
  const added: Pick<RouteSpec, 'path' | 'handler' | 'response'>[] = []
  const routes: Routes = {
    add: (route) => void added.push(route as never),
    event: () => {},
    publish: () => {},
  }
  const { host } = hostOf(
    [{ plugin, source, grants: ['events', 'store', 'http.routes'], config: { greeting: 'moin' } }],
    { capabilities: { events: () => events.log, store: memoryStore, 'http.routes': () => routes } },
  )
  await host.setup()
  await host.start()
  await events.deliver(1n)
  await events.deliver(2n)
  await events.deliver(2n)
  await events.deliver(3n)
  await events.deliver(3n, 'reverted')

  const [route] = added
  expect(route?.path).toBe('/v1/hello/swaps')
  const answer = await route?.handler({
    ...{ params: {}, query: {}, body: undefined, bytes: new Uint8Array(), client: '' },
  })
  expect(route?.response.parse(answer)).toEqual({ greeting: 'moin', swaps: 2 })

  await host.stop('test')
  expect(events.followed()).toBe(false)
})
