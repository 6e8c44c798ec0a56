import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { PluginIdentity } from '../../node/kernel/context.ts'
import type { SqlRow, Statement, Store } from '../../node/ports/store.ts'
import { hostOf, type LooseContext, loaded } from './sample-plugins.ts'

/** A store with native private state, as a real one has. */
class CountingStore implements Store {
  #queries = 0
  get queries(): number {
    return this.#queries
  }
  async migrate(): Promise<void> {}
  async query(_: Statement): Promise<readonly SqlRow[]> {
    this.#queries++
    return []
  }
  async batch(): Promise<readonly (readonly SqlRow[])[]> {
    return []
  }
}

async function runWith(options: { needs?: readonly string[]; grants?: readonly string[] } = {}) {
  const seen: { ctx?: LooseContext; identity?: PluginIdentity } = {}
  const store = new CountingStore()
  const a = loaded(
    {
      id: 'a',
      needs: options.needs ?? ['store'],
      requires: ['price'],
      config: z.strictObject({ list: z.array(z.strictObject({ n: z.int() })).default([{ n: 1 }]) }),
      setup(ctx) {
        seen.ctx = ctx
        return { api: {}, stop: async () => void (await (ctx.can('store') as Store).query({ sql: 'last' })) }
      },
    },
    { grants: options.grants ?? ['store', 'quorum'] },
  )
  const price = loaded({ id: 'price', setup: () => ({ api: { price: 42n } }) })
  const { host } = hostOf([a, price], {
    capabilities: {
      store: (identity) => {
        seen.identity = identity
        return store
      },
    },
  })
  await host.setup()
  await host.start()
  if (seen.ctx === undefined) throw new Error('setup did not run')
  return { host, ctx: seen.ctx, store, identity: seen.identity }
}

describe('the context of a plugin', () => {
  test('gives a working view of what was declared', async () => {
    const { ctx, store, identity } = await runWith()
    await (ctx.can('store') as Store).query({ sql: 'SELECT 1' })
    const { query } = ctx.can('store') as Store
    await query({ sql: 'SELECT 2' })
    expect(store.queries).toBe(2)
    expect(Reflect.get(ctx.can('store') as object, 'queries')).toBe(2)
    expect(identity).toEqual({ id: 'a', routes: [] })
    expect(ctx.use('price')).toEqual({ price: 42n })
  })

  test.each(['quorum', 'chain.write', 'toString', '__proto__'])(
    'refuses %s, which was not declared',
    async (name) => {
      const { ctx } = await runWith()
      expect(() => ctx.can(name)).toThrow(expect.objectContaining({ code: 'KERNEL_UNDECLARED_CAPABILITY' }))
    },
  )

  test.each(['oracle', 'toString', '__proto__'])(
    'refuses the API %s, which was not declared',
    async (name) => {
      const { ctx } = await runWith()
      expect(() => ctx.use(name)).toThrow(expect.objectContaining({ code: 'KERNEL_UNDECLARED_DEPENDENCY' }))
    },
  )

  test('is frozen, down to its configuration and its views', async () => {
    const { ctx } = await runWith()
    const change = (target: unknown, key: string) => Reflect.set(target as object, key, 'x')
    expect(change(ctx, 'can')).toBe(false)
    expect(change(ctx.config, 'list')).toBe(false)
    expect(change((ctx.config as { list: object[] }).list[0], 'n')).toBe(false)
    expect(change(ctx.can('store'), 'query')).toBe(false)
    expect(Object.getPrototypeOf(ctx.can('store'))).toBeNull()
  })

  test('works through stop, and is dead afterwards, held views and methods included', async () => {
    const { ctx, host, store } = await runWith()
    const view = ctx.can('store') as Store
    const { query } = view
    expect(ctx.signal.aborted).toBe(false)
    await host.stop('test')
    expect(store.queries).toBe(1)
    expect(ctx.signal.aborted).toBe(true)
    const revoked = expect.objectContaining({ code: 'KERNEL_REVOKED', data: { plugin: 'a', name: 'store' } })
    expect(() => view.query({ sql: '' })).toThrow(revoked)
    expect(() => query({ sql: '' })).toThrow(revoked)
    expect(() => (ctx.can('store') as Store).batch([])).toThrow(revoked)
    expect(store.queries).toBe(1)
  })
})
