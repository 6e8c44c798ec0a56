import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { PluginsRefusedError } from '../../node/kernel/errors.ts'
import type { LoadedPlugin } from '../../node/kernel/resolve.ts'
import { hostOf, loaded } from './sample-plugins.ts'

function refusal(plugins: readonly LoadedPlugin[]): PluginsRefusedError {
  try {
    hostOf(plugins).host.resolve()
  } catch (error) {
    if (error instanceof PluginsRefusedError) return error
    throw error
  }
  throw new Error('the plugins were accepted')
}
const codes = (plugins: readonly LoadedPlugin[]) => refusal(plugins).data.faults.map((fault) => fault.code)

describe('resolve', () => {
  test('orders plugins after what they require, and keeps the given order otherwise', () => {
    const { host } = hostOf([
      loaded({ id: 'top', requires: ['left', 'right'] }),
      loaded({ id: 'right', requires: ['base'] }),
      loaded({ id: 'left', requires: ['base'] }),
      loaded({ id: 'base' }),
    ])
    expect(host.plugins().map((plugin) => plugin.id)).toEqual(['base', 'right', 'left', 'top'])
  })

  test('refuses ids that are malformed or taken', () => {
    expect(codes([loaded({ id: 'Bad_Id' })])).toEqual(['KERNEL_BAD_ID'])
    expect(codes([loaded({ id: 'a' }), loaded({ id: 'a' })])).toEqual(['KERNEL_DUPLICATE_ID'])
  })

  test('names a missing dependency', () => {
    const { data } = refusal([loaded({ id: 'a', requires: ['price'] })])
    expect(data.faults).toMatchObject([{ code: 'KERNEL_MISSING_DEPENDENCY', plugin: 'a' }])
    expect(data.faults[0]?.message).toContain('"price"')
  })

  test('prints the path of a cycle', () => {
    const error = refusal([
      loaded({ id: 'entry', requires: ['a'] }),
      loaded({ id: 'a', requires: ['b'] }),
      loaded({ id: 'b', requires: ['c'] }),
      loaded({ id: 'c', requires: ['a'] }),
    ])
    expect(error.data.faults.map((fault) => fault.code)).toEqual(['KERNEL_CYCLE'])
    expect(error.message).toContain('a -> b -> c -> a')
    expect(codes([loaded({ id: 'self', requires: ['self'] })])).toEqual(['KERNEL_CYCLE'])
  })

  test('names a missing grant and what it would let the plugin do', () => {
    const error = refusal([loaded({ id: 'a', needs: ['store', 'chain.write'] }, { grants: ['store'] })])
    expect(error.data.faults).toMatchObject([{ code: 'KERNEL_MISSING_GRANT', plugin: 'a' }])
    expect(error.message).toContain('"chain.write"')
    expect(error.message).toContain('spends your funds')
  })

  test('refuses capabilities that do not exist, needed or granted', () => {
    expect(codes([loaded({ id: 'a', needs: ['root'] })])).toEqual([
      'KERNEL_UNKNOWN_CAPABILITY',
      'KERNEL_UNKNOWN_CAPABILITY',
    ])
    expect(codes([loaded({ id: 'a', needs: ['toString'] }, { grants: [] })])).toEqual([
      'KERNEL_UNKNOWN_CAPABILITY',
    ])
  })

  test.each([['/feeds'], ['/v1'], ['/v1/'], ['/v2/feeds'], ['/v1/feeds/'], ['/v1/Feeds'], ['/v1/../admin']])(
    'refuses the route root %s',
    (root) => {
      expect(codes([loaded({ id: 'a', needs: ['http.routes'], routes: [root] })])).toEqual([
        'KERNEL_BAD_ROUTE',
      ])
    },
  )

  test("refuses overlapping route roots, the default root and the node's own included", () => {
    const needs = ['http.routes']
    expect(
      codes([loaded({ id: 'a', needs, routes: ['/v1/x'] }), loaded({ id: 'b', needs, routes: ['/v1/x/y'] })]),
    ).toEqual(['KERNEL_ROUTE_CONFLICT'])
    expect(codes([loaded({ id: 'a', needs }), loaded({ id: 'b', needs, routes: ['/v1/a'] })])).toEqual([
      'KERNEL_ROUTE_CONFLICT',
    ])
    expect(codes([loaded({ id: 'stream', needs })])).toEqual(['KERNEL_ROUTE_CONFLICT'])
    expect(codes([loaded({ id: 'a', routes: ['/v1/a'] })])).toEqual(['KERNEL_BAD_ROUTE'])
    // One name that begins like another is no overlap.
    const { host } = hostOf([loaded({ id: 'feed', needs }), loaded({ id: 'feeds', needs })])
    expect(host.plugins().map((plugin) => plugin.routes)).toEqual([['/v1/feed'], ['/v1/feeds']])
  })

  test('tells every fault of every plugin at once, configurations included', () => {
    const config = z.strictObject({ feeds: z.array(z.strictObject({ bps: z.int().max(10_000) })) })
    const error = refusal([
      loaded({ id: 'a', config, needs: ['store'] }, { grants: [], config: { feeds: [{ bps: 20_000 }, {}] } }),
      loaded({ id: 'b', requires: ['nobody'] }, { config: { extra: 1 } }),
    ])
    expect(error.data.faults.map(({ code, plugin, path }) => [code, plugin, path])).toEqual([
      ['KERNEL_MISSING_GRANT', 'a', ''],
      ['KERNEL_MISSING_DEPENDENCY', 'b', ''],
      ['KERNEL_BAD_CONFIG', 'a', 'feeds.0.bps'],
      ['KERNEL_BAD_CONFIG', 'a', 'feeds.1.bps'],
      ['KERNEL_BAD_CONFIG', 'b', ''],
    ])
  })

  test('a schema that throws is a fault of its plugin, not a crash', () => {
    const config = z.string().refine(async () => true)
    expect(codes([loaded({ id: 'a', config }, { config: 'x' })])).toEqual(['KERNEL_BAD_CONFIG'])
  })

  test('collects the contracts to index before anything is set up, each once from its lowest block', () => {
    const address = `0x${'aB'.repeat(20)}` as const
    const lower = `0x${'ab'.repeat(20)}` as const
    const config = z.strictObject({ startBlock: z.int() })
    const contracts = ({ startBlock }: { startBlock: number }) => [
      { kind: 'pool', chainId: 1, address: startBlock === 5 ? lower : address, startBlock } as const,
    ]
    const { host } = hostOf([
      loaded({ id: 'a', config, contracts: contracts as never }, { config: { startBlock: 9 } }),
      loaded({ id: 'b', config, contracts: contracts as never }, { config: { startBlock: 5 } }),
    ])
    expect(host.contracts()).toEqual([{ kind: 'pool', chainId: 1, address: lower, startBlock: 5 }])
  })

  test('a contract on a chain that the node does not have is a fault of its plugin', () => {
    const on = (chainId: number) =>
      loaded({
        id: 'a',
        contracts: () => [{ kind: 'pool', chainId, address: `0x${'ab'.repeat(20)}`, startBlock: 0 }],
      })
    const faults = (plugin: LoadedPlugin) => {
      try {
        hostOf([plugin], { chains: [1, 10] }).host.resolve()
        return []
      } catch (error) {
        return error instanceof PluginsRefusedError ? error.data.faults : null
      }
    }
    expect(faults(on(10))).toEqual([])
    expect(faults(on(2))).toMatchObject([{ code: 'KERNEL_BAD_CONTRACTS', plugin: 'a' }])
  })

  test('what entries name and the node does not have is told once, with where it stands and whose it is', () => {
    const pool = { kind: 'pool', chainId: 2, address: `0x${'ab'.repeat(20)}`, startBlock: 0 } as const
    const entry = (id: string) => ({ id, source: { model: 'crystal-ball', pools: [{ ...pool }] } })
    const plugin = loaded(
      {
        id: 'a',
        config: z.object({ feeds: z.array(z.unknown()) }),
        contracts: () => [pool, pool],
        models: () => ['crystal-ball', 'volatility', 'crystal-ball'],
      },
      { config: { feeds: [entry('first'), entry('second')] } },
    )
    const refused = () => hostOf([plugin], { chains: [1], models: ['volatility'] }).host.resolve()
    expect(refused).toThrow(
      expect.objectContaining({
        data: {
          faults: [
            expect.objectContaining({
              code: 'KERNEL_BAD_CONTRACTS',
              path: 'feeds.0.source.pools.0',
              message: expect.stringContaining('of first and second on chain 2'),
            }),
            expect.objectContaining({
              code: 'KERNEL_UNKNOWN_MODEL',
              path: 'feeds.0.source.model',
              message: expect.stringContaining('"crystal-ball" of first and second'),
            }),
          ],
        },
      }),
    )
    expect(() => hostOf([plugin]).host.resolve()).not.toThrow()
  })

  test("an event of an operator's contract that the event log does not tell is a fault", () => {
    const follows = 'usdc.Transfer(address,address,uint256)'
    const plugin = loaded(
      { id: 'a', config: z.object({ tokens: z.array(z.unknown()) }), customEvents: () => [follows] },
      { config: { tokens: [{ contract: 'usdc' }] } },
    )
    const resolve = (customEvents?: readonly string[]) =>
      hostOf([plugin], customEvents === undefined ? {} : { customEvents }).host.resolve()
    expect(() => resolve(['usdc.Approval(address,address,uint256)'])).toThrow(
      expect.objectContaining({
        data: {
          faults: [
            expect.objectContaining({
              code: 'KERNEL_UNKNOWN_EVENT',
              path: 'tokens.0.contract',
              message: expect.stringContaining('usdc.Approval'),
            }),
          ],
        },
      }),
    )
    expect(() => resolve([follows])).not.toThrow()
    expect(() => resolve()).not.toThrow()
  })

  test('a contract list that is wrong or throws is a fault of its plugin', () => {
    const bad = [{ kind: 'pool', chainId: 1, address: '0x12', startBlock: 0 } as const]
    expect(codes([loaded({ id: 'a', contracts: () => bad })])).toEqual(['KERNEL_BAD_CONTRACTS'])
    const throwing = () => {
      throw new Error('boom')
    }
    expect(codes([loaded({ id: 'a', contracts: throwing })])).toEqual(['KERNEL_BAD_CONTRACTS'])
  })
})
