import type { ServerResponse } from 'node:http'
import { encodeErrorResult, getAddress, type Hex, keccak256, parseAbi } from 'viem'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import {
  type ReaderChain,
  type ViemChainReader,
  viemChainReader,
} from '../../../node/adapters/viem/chain-reader.ts'
import { ChainError } from '../../../node/adapters/viem/errors.ts'
import { silent, TestMetrics, until } from '../libp2p/kit.ts'
import {
  ACCOUNTS,
  type Anvil,
  anvil,
  CHAIN_ID,
  CODE,
  type FakeRpc,
  fakeRpc,
  freePort,
  HANDLED,
  RpcError,
} from './kit.ts'

// Real sockets and processes: a loaded machine may take its time.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const TARGET = getAddress('0x00000000000000000000000000000000000000c0')
const REVERTER = getAddress('0x00000000000000000000000000000000000000c1')
const LOGGER = getAddress('0x00000000000000000000000000000000000000c2')
const HASH = `0x${'ab'.repeat(32)}` as const
const BLOCK = { number: '0x10', hash: HASH, parentHash: HASH, timestamp: '0x64' }

let chain: Anvil
const cleanups: (() => unknown)[] = []

beforeAll(async () => {
  chain = await anvil()
  await chain.rpc('anvil_setCode', TARGET, CODE.echo)
  await chain.rpc('anvil_setCode', REVERTER, CODE.revert)
  await chain.rpc('anvil_setCode', LOGGER, CODE.log)
})
afterAll(() => chain.stop())
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

function readerOf(rpc: readonly string[], options: Partial<ReaderChain> = {}, timeoutMs = 2_000) {
  const metrics = new TestMetrics()
  const reader: ViemChainReader = viemChainReader(
    { chains: [{ id: CHAIN_ID, name: 'test', confirmations: 2, rpc, ...options }], timeoutMs },
    { clock: systemClock, log: silent, metrics },
  )
  cleanups.push(() => reader.stop())
  return { reader, metrics }
}

async function provider(answer: Parameters<typeof fakeRpc>[0]): Promise<FakeRpc> {
  const fake = await fakeRpc(async (method, params, response) => {
    const told = await answer(method, params, response)
    return told === undefined && method === 'eth_chainId' ? '0x7a69' : told
  })
  cleanups.push(() => fake.stop())
  return fake
}

const dead = async (): Promise<string> => `http://127.0.0.1:${await freePort()}/v3/SECRETAPIKEY`

describe('viemChainReader on a real chain', () => {
  it('reads heads, blocks, balances, calls', async () => {
    await chain.rpc('anvil_mine', '0x5')
    const { reader, metrics } = readerOf([chain.url], { headPollMs: 0 })
    const head = await reader.head(CHAIN_ID)
    expect(head.number).toBeGreaterThanOrEqual(5n)
    expect(await reader.block(CHAIN_ID, head.number)).toEqual(head)
    expect(await reader.block(CHAIN_ID, head.hash)).toEqual(head)
    expect(await reader.block(CHAIN_ID, 'latest')).toEqual(head)
    expect((await reader.block(CHAIN_ID, head.number - 1n))?.hash).toBe(head.parentHash)
    expect(await reader.block(CHAIN_ID, head.number + 1_000n)).toBeNull()
    expect(await reader.block(CHAIN_ID, HASH)).toBeNull()
    expect((await reader.finalized(CHAIN_ID)).number).toBeLessThanOrEqual(head.number)
    expect(await reader.balance(CHAIN_ID, getAddress(ACCOUNTS[0] ?? '0x'))).toBeGreaterThan(10n ** 18n)
    for (const at of ['latest', head.number, head.hash] as const) {
      expect(await reader.call(CHAIN_ID, { to: TARGET, data: '0xcafe', at })).toBe('0xcafe')
    }
    expect(await reader.call(CHAIN_ID, { to: ACCOUNTS[0] ?? '0x', data: '0xcafe' })).toBe('0x')
    expect(reader.chains()).toEqual([{ id: CHAIN_ID, name: 'test', confirmations: 2 }])
    expect(metrics.sum('iyi_chain_info', { chain: CHAIN_ID, name: 'test' })).toBe(1)
  })

  it('tells a revert with its data', async () => {
    const { reader } = readerOf([await dead(), chain.url])
    const data = encodeErrorResult({ abi: parseAbi(['error Stale(uint256 age)']), args: [7n] })
    await expect(reader.call(CHAIN_ID, { to: REVERTER, data })).rejects.toMatchObject({
      code: 'CHAIN_CALL_REVERTED',
      retry: false,
      data: { chainId: CHAIN_ID, data },
    })
    await expect(reader.call(CHAIN_ID, { to: REVERTER, data: '0x' })).rejects.toMatchObject({
      code: 'CHAIN_CALL_REVERTED',
      data: { data: '0x' },
    })
  })

  it('reads logs, transactions and receipts', async () => {
    const hash = await chain.rpc<Hex>('eth_sendTransaction', {
      from: ACCOUNTS[0],
      to: LOGGER,
      data: '0xbeef',
    })
    const { reader } = readerOf([chain.url])
    const receipt = await reader.receipt(CHAIN_ID, hash)
    expect(receipt).toMatchObject({ hash, status: 'success' })
    const block = receipt?.blockNumber ?? 0n
    const range = { address: LOGGER, fromBlock: 0n, toBlock: block }
    const topic = `0x${'2a'.padStart(64, '0')}` as const
    expect(await reader.logs(CHAIN_ID, { ...range, topics: [topic] })).toEqual([
      expect.objectContaining({
        address: LOGGER,
        topics: [topic],
        data: '0xbeef',
        transactionHash: hash,
        blockNumber: block,
      }),
    ])
    expect(await reader.logs(CHAIN_ID, { ...range, topics: [HASH] })).toEqual([])
    expect(await reader.logs(CHAIN_ID, { ...range, fromBlock: block + 1n })).toEqual([])
    expect(await reader.transaction(CHAIN_ID, hash)).toEqual({
      hash,
      from: ACCOUNTS[0],
      to: LOGGER,
      input: '0xbeef',
      blockNumber: block,
    })
    expect(await reader.transaction(CHAIN_ID, keccak256('0x01'))).toBeNull()
    expect(await reader.receipt(CHAIN_ID, keccak256('0x01'))).toBeNull()
  })

  it('goes on after its only provider restarted', async () => {
    const first = await anvil()
    const { reader } = readerOf([first.url], { headPollMs: 0 })
    await reader.start()
    await reader.head(CHAIN_ID)
    await first.stop()
    await expect(reader.head(CHAIN_ID)).rejects.toMatchObject({ code: 'CHAIN_UNAVAILABLE', retry: true })
    expect(reader.health().status).toBe('degraded')
    const again = await anvil({ port: first.port })
    cleanups.push(() => again.stop())
    expect((await reader.head(CHAIN_ID)).number).toBe(0n)
    await until('healthy', () => reader.health().status === 'ok')
  })
})

describe('viemChainReader with bad providers', () => {
  const faults: [string, (response: ServerResponse) => unknown, string][] = [
    ['HTTP 500', (response) => response.writeHead(500).end('oops'), 'away'],
    ['HTTP 429', (response) => response.writeHead(429).end('slow down'), 'limited'],
    ['HTML', (response) => response.end('<html>maintenance</html>'), 'away'],
    ['JSON of the wrong kind', (response) => response.end('[1,2,3]'), 'away'],
    ['an error that is text', (response) => response.end('{"error":"no"}'), 'away'],
    [
      'a result of the wrong shape',
      (response) => response.end('{"jsonrpc":"2.0","id":1,"result":{"number":"ten"}}'),
      'away',
    ],
    ['a cut connection', (response) => response.destroy(), 'away'],
    ['silence', () => {}, 'away'],
    ['a body that never ends', (response) => void response.write('{"jsonrpc":"2.0",'), 'away'],
    ['a huge body', (response) => flood(response), 'away'],
  ]

  function flood(response: ServerResponse): void {
    const block = Buffer.alloc(1024 * 1024, 0x20)
    const more = (): void => {
      while (!response.destroyed && response.write(block)) {}
    }
    response.on('drain', more)
    more()
  }

  it.each(faults)('falls back on %s', async (_what, misbehave, outcome) => {
    const bad = await provider((method, _params, response) => {
      if (method === 'eth_chainId') return undefined
      misbehave(response)
      return HANDLED
    })
    const { reader, metrics } = readerOf([bad.url, chain.url], {}, 700)
    expect(await reader.head(CHAIN_ID)).toMatchObject({ number: expect.any(BigInt) })
    expect(
      metrics.sum('iyi_chain_requests_total', { provider: 0, method: 'eth_getBlockByNumber', outcome }),
    ).toBe(1)
    expect(metrics.sum('iyi_chain_requests_total', { provider: 1, outcome: 'ok' })).toBeGreaterThan(0)
    // The bad one rests: the next request does not touch it.
    const before = bad.calls.length
    await reader.balance(CHAIN_ID, TARGET)
    expect(bad.calls.length).toBe(before)
  })

  it('falls back on a dead port, and names no URL when all are dead', async () => {
    const { reader } = readerOf([await dead(), chain.url])
    await reader.head(CHAIN_ID)
    const none = readerOf([await dead(), await dead()])
    const error = await none.reader.head(CHAIN_ID).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ChainError)
    expect(error).toMatchObject({ code: 'CHAIN_UNAVAILABLE', retry: true })
    expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toMatch(
      /SECRETAPIKEY|127\.0\.0\.1/,
    )
    expect((error as Error).cause).toBeUndefined()
  })

  it('scrubs URLs out of what a provider says', async () => {
    const bad = await provider((method) =>
      method === 'eth_call'
        ? new RpcError(-32602, 'bad key at https://rpc.example/v3/SECRETAPIKEY now')
        : undefined,
    )
    const { reader } = readerOf([bad.url])
    await expect(reader.call(CHAIN_ID, { to: TARGET, data: '0x' })).rejects.toMatchObject({
      code: 'CHAIN_RPC_ERROR',
      data: { reason: 'bad key at <url> now', rpcCode: -32602 },
    })
  })

  it('refuses a provider of another chain at first use, and one that has only such', async () => {
    const other = await provider((method) => (method === 'eth_chainId' ? '0x1' : BLOCK))
    const { reader } = readerOf([other.url, chain.url])
    expect((await reader.head(CHAIN_ID)).hash).not.toBe(HASH)
    expect(other.calls).toEqual(['eth_chainId'])
    const only = readerOf([other.url])
    await only.reader.start()
    await expect(only.reader.head(CHAIN_ID)).rejects.toMatchObject({ code: 'CHAIN_WRONG_ID', retry: false })
    expect(only.reader.health().status).toBe('failed')
  })

  it('waits as long as a rate-limiting provider asks, then goes on', async () => {
    let limited = true
    const busy = await provider((method, _params, response) => {
      if (method === 'eth_chainId') return undefined
      if (!limited) return BLOCK
      limited = false
      response.writeHead(429, { 'retry-after': '1' }).end()
      return HANDLED
    })
    const { reader } = readerOf([busy.url])
    const start = performance.now()
    expect((await reader.head(CHAIN_ID)).number).toBe(16n)
    expect(performance.now() - start).toBeGreaterThan(900)
    expect(busy.calls.filter((call) => call === 'eth_getBlockByNumber')).toHaveLength(2)
  })

  it('does not ask a limiting provider again before its time', async () => {
    const busy = await provider((method, _params, response) => {
      if (method === 'eth_chainId') return undefined
      response.writeHead(429, { 'retry-after': '60' }).end()
      return HANDLED
    })
    const { reader } = readerOf([busy.url])
    for (let n = 0; n < 3; n++) {
      await expect(reader.head(CHAIN_ID)).rejects.toMatchObject({ code: 'CHAIN_UNAVAILABLE', retry: true })
    }
    expect(busy.calls).toEqual(['eth_chainId', 'eth_getBlockByNumber'])
  })

  it('halves a range of logs until the provider takes it', async () => {
    const ranges: string[] = []
    const picky = await provider((method, params) => {
      if (method !== 'eth_getLogs') return undefined
      const { fromBlock, toBlock } = params[0] as { fromBlock: Hex; toBlock: Hex }
      const size = Number(BigInt(toBlock) - BigInt(fromBlock)) + 1
      if (size > 25) return new RpcError(-32005, 'query returned more than 10000 results')
      ranges.push(`${Number(fromBlock)}-${Number(toBlock)}`)
      return []
    })
    const { reader } = readerOf([picky.url])
    await reader.logs(CHAIN_ID, { address: TARGET, fromBlock: 1n, toBlock: 80n })
    expect(ranges).toEqual(['1-20', '21-40', '41-60', '61-80'])
  })

  it('takes the head less its confirmations where there is no finalized tag', async () => {
    const old = await provider((method, params) => {
      if (method !== 'eth_getBlockByNumber') return undefined
      if (params[0] === 'finalized') return new RpcError(-32602, 'invalid block tag')
      return params[0] === 'latest' ? BLOCK : { ...BLOCK, number: params[0] }
    })
    const { reader } = readerOf([old.url], { headPollMs: 0 })
    expect((await reader.finalized(CHAIN_ID)).number).toBe(14n)
    await new Promise((resolve) => setTimeout(resolve, 2))
    expect((await reader.finalized(CHAIN_ID)).number).toBe(14n)
    expect(old.calls.filter((call) => call === 'eth_getBlockByNumber')).toHaveLength(5)
  })

  it('asks for the final block seldom while the head stays, and anew for another one', async () => {
    let block = BLOCK
    const asked: unknown[] = []
    const counted = await provider((method, params) => {
      if (method !== 'eth_getBlockByNumber') return undefined
      asked.push(params[0])
      return block
    })
    const count = (tag: string) => asked.filter((each) => each === tag).length
    const { reader } = readerOf([counted.url], { headPollMs: 100 })
    await reader.start()
    await reader.head(CHAIN_ID)
    const began = performance.now()
    for (let polls = count('latest'); count('latest') < polls + 8; ) {
      await reader.finalized(CHAIN_ID)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(count('finalized')).toBeGreaterThan(1)
    // In one of four polls, the first one apart.
    expect(count('finalized')).toBeLessThanOrEqual(2 + (performance.now() - began) / 400)
    block = { ...BLOCK, number: '0x11', hash: `0x${'cd'.repeat(32)}` }
    await vi.waitFor(async () => expect((await reader.head(CHAIN_ID)).number).toBe(17n))
    await vi.waitFor(async () => expect((await reader.finalized(CHAIN_ID)).number).toBe(17n), 5_000)
  })

  it('serves any number of callers with one request a poll', async () => {
    const counted = await provider((method) => (method === 'eth_getBlockByNumber' ? BLOCK : undefined))
    const { reader } = readerOf([counted.url], { headPollMs: 60_000 })
    await reader.start()
    await Promise.all(Array.from({ length: 50 }, () => reader.head(CHAIN_ID)))
    expect(counted.calls).toEqual(['eth_chainId', 'eth_getBlockByNumber'])
  })

  it('starts while its provider is away and heals when it comes', async () => {
    const port = await freePort()
    const { reader } = readerOf([`http://127.0.0.1:${port}`], { headPollMs: 20 })
    await reader.start()
    await until('degraded', () => reader.health().status === 'degraded')
    const late = await anvil({ port })
    cleanups.push(() => late.stop())
    await until('healthy', () => reader.health().status === 'ok')
  })

  it('finds a spare that serves another chain before it is needed, and one that came back', async () => {
    const other = await provider((method) => (method === 'eth_chainId' ? '0x1' : BLOCK))
    const port = await freePort()
    const wrong = readerOf([chain.url, other.url])
    await wrong.reader.start()
    await until('degraded', () => wrong.reader.health().status === 'degraded')

    const { reader } = readerOf([chain.url, `http://127.0.0.1:${port}`], { headPollMs: 20 })
    await reader.start()
    await until('degraded', () => reader.health().status === 'degraded')
    const late = await anvil({ port })
    cleanups.push(() => late.stop())
    await until('healthy', () => reader.health().status === 'ok')
  })

  it('ends what waits when it stops', async () => {
    const silentOne = await provider((method) => (method === 'eth_chainId' ? undefined : HANDLED))
    const { reader } = readerOf([silentOne.url], {}, 60_000)
    const waiting = reader.head(CHAIN_ID).catch((reason: unknown) => reason)
    await until('it was asked', () => silentOne.calls.length === 2)
    await reader.stop()
    expect(await waiting).toMatchObject({ code: 'CHAIN_STOPPED', retry: true })
  })

  it('knows only its chains', async () => {
    const { reader } = readerOf([chain.url])
    await expect(reader.head(1)).rejects.toMatchObject({ code: 'CHAIN_UNKNOWN', data: { chainId: 1 } })
  })
})
