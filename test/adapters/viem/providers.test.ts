import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { viemChainReader } from '../../../node/adapters/viem/chain-reader.ts'
import { quantityOf } from '../../../node/adapters/viem/decode.ts'
import { chainPools } from '../../../node/adapters/viem/pools.ts'
import { RequestBudget } from '../../../node/adapters/viem/request-budget.ts'
import type { FinalityRule } from '../../../node/ports/chain.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import type { RpcEndpoint } from '../../../node/ports/rpc-endpoint.ts'
import { silent, TestMetrics, until } from '../libp2p/kit.ts'
import { type Anvil, anvil, CHAIN_ID, type FakeRpc, fakeRpc, RpcError } from './kit.ts'

// Real sockets and processes: a loaded machine may take its time.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function provider(answer: (method: string) => unknown = () => '0x1'): Promise<FakeRpc> {
  const fake = await fakeRpc((method) => (method === 'eth_chainId' ? '0x7a69' : answer(method)))
  cleanups.push(() => fake.stop())
  return fake
}

function poolsOf(rpc: readonly RpcEndpoint[], timeoutMs = 2_000) {
  const metrics = new TestMetrics()
  const pools = chainPools(
    { chains: [{ id: CHAIN_ID, rpc }], timeoutMs },
    { clock: systemClock, log: silent, metrics },
  )
  cleanups.push(() => pools.stop())
  const ask = () => pools.pool(CHAIN_ID).request('eth_blockNumber', [], quantityOf)
  return { pools, metrics, ask }
}

async function chain(args: readonly string[] = []): Promise<Anvil> {
  const made = await anvil({ args })
  cleanups.push(() => made.stop())
  return made
}

describe('weights', () => {
  it('share the requests among providers that are well', async () => {
    const [a, b] = [await provider(), await provider()]
    const { pools, ask } = poolsOf([
      { url: a.url, weight: 3 },
      { url: b.url, weight: 1 },
    ])
    for (let turn = 0; turn < 40; turn++) await ask()
    const asked = [a, b].map(({ calls }) => calls.filter((method) => method === 'eth_blockNumber').length)
    expect(asked).toEqual([30, 10])
    expect(pools.status(CHAIN_ID).map(({ requests, weight }) => [requests, weight])).toEqual([
      [31, 3],
      [11, 1],
    ])
  })

  it('leave the first in charge where nobody has one', async () => {
    const [a, b] = [await provider(), await provider()]
    const { ask } = poolsOf([a.url, b.url])
    for (let turn = 0; turn < 5; turn++) await ask()
    expect(b.calls).toEqual([])
  })

  it('do not hold a request at one that is away', async () => {
    const [a, b] = [await provider(() => new RpcError(-32_603, 'broken')), await provider()]
    const { ask, pools } = poolsOf([{ url: a.url, weight: 9 }, b.url])
    for (let turn = 0; turn < 5; turn++) expect(await ask()).toBe(1n)
    expect(pools.status(CHAIN_ID).map(({ state }) => state)).toEqual(['resting', 'well'])
  })
})

describe('budgets', () => {
  it('are kept, and shown; what does not fit goes to another provider', async () => {
    const [a, b] = [await provider(), await provider()]
    const { ask, pools, metrics } = poolsOf([{ url: a.url, requestsPerSecond: 4 }, b.url])
    for (let turn = 0; turn < 12; turn++) await ask()
    expect(a.calls.length).toBeLessThanOrEqual(5)
    expect(b.calls.length).toBeGreaterThanOrEqual(7)
    expect(pools.status(CHAIN_ID)[0]).toMatchObject({
      limitPerSecond: 4,
      requests: a.calls.length,
      state: 'well',
    })
    expect(metrics.sum('iyi_chain_provider_limit_per_second', { provider: 0 })).toBe(4)
    expect(JSON.stringify(pools.status(CHAIN_ID))).not.toContain('SECRETAPIKEY')
  })

  it('make the only provider wait', async () => {
    const a = await provider()
    const { ask, metrics } = poolsOf([{ url: a.url, requestsPerSecond: 20 }])
    const began = performance.now()
    await Promise.all(Array.from({ length: 30 }, ask))
    // 31 requests with the chain id, 20 of them at once.
    expect(performance.now() - began).toBeGreaterThan(450)
    expect(metrics.sum('iyi_chain_budget_waits_total')).toBeGreaterThan(0)
  })

  it('end a request that would wait longer than it may take, and blame nobody', async () => {
    const a = await provider()
    const { ask, pools } = poolsOf([{ url: a.url, requestsPerSecond: 0.1 }], 300)
    await expect(ask()).rejects.toMatchObject({ code: 'CHAIN_UNAVAILABLE', retry: true })
    expect(pools.status(CHAIN_ID)[0]).toMatchObject({ state: 'well', requests: 1 })
  })

  it('leave a part to those who are in a hurry', () => {
    let now = 0
    const clock: Clock = { now: () => now, monotonic: () => now, setTimer: () => ({ cancel: () => {} }) }
    const budget = new RequestBudget({ requestsPerSecond: 8 }, { clock })
    let patient = 0
    while (budget.take(0.25) === 0) patient += 1
    expect(patient).toBe(6)
    expect([budget.take(), budget.take(), budget.take()]).toEqual([0, 0, 125])
    expect(budget.spent).toBe(true)
    now = 11_000
    expect([budget.spent, budget.total, budget.perSecond]).toEqual([false, 8, 0])
    now = 11_500
    for (let each = 0; each < 5; each++) budget.take()
    now = 13_000
    expect(budget.perSecond).toBe(0.5)
  })
})

describe('asked by itself', () => {
  it('one that is away is not replaced', async () => {
    const [a, b] = [await provider(() => new RpcError(-32_603, 'broken')), await provider()]
    const { pools } = poolsOf([a.url, b.url])
    const [first, second] = pools.of(CHAIN_ID)
    await expect(first?.head()).rejects.toMatchObject({ code: 'CHAIN_UNAVAILABLE' })
    // It rests: nothing is sent.
    const asked = a.calls.length
    await expect(first?.head()).rejects.toMatchObject({ code: 'CHAIN_UNAVAILABLE' })
    expect(a.calls.length).toBe(asked)
    expect(await second?.head()).toBe(1n)
    expect(b.calls.length).toBe(2)
  })

  it('one of another chain says nothing', async () => {
    const other = await fakeRpc(() => '0x1')
    cleanups.push(() => other.stop())
    const [witness] = poolsOf([other.url]).pools.of(CHAIN_ID)
    await expect(witness?.head()).rejects.toMatchObject({ code: 'CHAIN_WRONG_ID' })
  })

  it.each([
    ['of another contract', { address: `0x${'11'.repeat(20)}` }],
    ['of another event', { topics: [`0x${'33'.repeat(32)}`] }],
    ['of another block', { blockNumber: '0x9' }],
  ])('a log %s is no answer', async (_name, change) => {
    const hash = `0x${'22'.repeat(32)}` as const
    const address = `0x${'00'.repeat(19)}aa` as const
    const log = {
      address,
      topics: [hash],
      data: '0x',
      blockNumber: '0x2',
      blockHash: hash,
      transactionHash: hash,
      logIndex: '0x0',
    }
    let told: readonly object[] = [log]
    const a = await provider(() => told)
    const filter = { addresses: [address], topics: [hash], at: { from: 1n, to: 2n } }
    const witness = () => poolsOf([a.url]).pools.of(CHAIN_ID)[0]
    expect(await witness()?.logs(filter)).toHaveLength(1)
    for (const bad of [[{ ...log, ...change }], [log, log]]) {
      told = bad
      await expect(witness()?.logs(filter)).rejects.toMatchObject({ code: 'CHAIN_UNAVAILABLE' })
    }
  })
})

describe('finality', () => {
  const finalOf = async (net: Anvil, finality: FinalityRule) => {
    const reader = viemChainReader(
      {
        chains: [{ id: CHAIN_ID, name: 'test', confirmations: 2, rpc: [net.url], finality }],
        timeoutMs: 2_000,
      },
      { clock: systemClock, log: silent, metrics: new TestMetrics() },
    )
    cleanups.push(() => reader.stop())
    return (await reader.finalized(CHAIN_ID)).number
  }

  it('is that of the chain, or a depth', async () => {
    const net = await chain(['--slots-in-an-epoch', '4'])
    await net.rpc('anvil_mine', '0x14')
    expect(await finalOf(net, 'finalized')).toBe(12n)
    expect(await finalOf(net, 'safe')).toBe(16n)
    expect(await finalOf(net, { depth: 3 })).toBe(17n)
    expect(await finalOf(net, { depth: 300 })).toBe(0n)
  })
})

describe('heads over WebSocket', () => {
  it('are known before the next poll, and polling goes on when it is away', async () => {
    const net = await chain()
    const metrics = new TestMetrics()
    const ws = net.url.replace('http', 'ws')
    const reader = viemChainReader(
      {
        chains: [
          { id: CHAIN_ID, name: 'test', confirmations: 0, rpc: [{ url: net.url, ws }], headPollMs: 400 },
        ],
        timeoutMs: 2_000,
      },
      { clock: systemClock, log: silent, metrics },
    )
    cleanups.push(() => reader.stop())
    await reader.start()
    const seen = () => metrics.sum('iyi_chain_head_block')
    await until('the first head is known', () => metrics.sum('iyi_chain_requests_total') > 1)
    // Until the subscription lives, polls may be what tells.
    for (let block = 1; block <= 5; block++) {
      await net.rpc('anvil_mine', '0x1')
      await until(`block ${block} is seen`, () => seen() === block)
    }
    const before = metrics.sum('iyi_chain_requests_total', { method: 'eth_getBlockByNumber' })
    const began = performance.now()
    for (let block = 6; block <= 15; block++) {
      await net.rpc('anvil_mine', '0x1')
      await until(`block ${block} is seen`, () => seen() === block)
    }
    // Ten polls would have taken four seconds.
    expect(performance.now() - began).toBeLessThan(3_000)
    expect(
      metrics.sum('iyi_chain_requests_total', { method: 'eth_getBlockByNumber' }),
    ).toBeGreaterThanOrEqual(before + 10)
  })

  it('an address that leads nowhere costs nothing', async () => {
    const net = await chain()
    const metrics = new TestMetrics()
    const reader = viemChainReader(
      {
        chains: [
          {
            id: CHAIN_ID,
            name: 'test',
            confirmations: 0,
            rpc: [{ url: net.url, ws: 'ws://127.0.0.1:1/KEY' }],
            headPollMs: 50,
          },
        ],
        timeoutMs: 2_000,
      },
      { clock: systemClock, log: silent, metrics },
    )
    cleanups.push(() => reader.stop())
    await reader.start()
    await net.rpc('anvil_mine', '0x3')
    await until('the head is seen', () => metrics.sum('iyi_chain_head_block') === 3)
  })
})
