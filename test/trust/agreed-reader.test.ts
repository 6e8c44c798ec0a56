import { encodeErrorResult, parseAbi } from 'viem'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { viemChainReader } from '../../node/adapters/viem/chain-reader.ts'
import { chainPools } from '../../node/adapters/viem/pools.ts'
import type { ChainReader, Hex } from '../../node/ports/chain.ts'
import { agreedReader } from '../../node/trust/agreed-reader.ts'
import { silent, TestMetrics } from '../adapters/libp2p/kit.ts'
import { ACCOUNTS, type Anvil, anvil, CHAIN_ID, CODE } from '../adapters/viem/kit.ts'
import { memoryAgreements } from '../fakes/agreement-store.ts'
import {
  halfOpen,
  type Lie,
  type LyingRpc,
  lyingRpc,
  staleAt,
  TRUTH,
  wrongLogs,
  wrongParents,
} from './lying-rpc.ts'

// Real sockets and processes: a loaded machine may take its time.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const ECHO = '0x00000000000000000000000000000000000000C0'
const REVERTER = '0x00000000000000000000000000000000000000C1'
const LOGGER = '0x00000000000000000000000000000000000000C2'
const TOPIC: Hex = `0x${'2a'.padStart(64, '0')}`

const revertData = encodeErrorResult({ abi: parseAbi(['error Stale(uint256 age)']), args: [7n] })

let chain: Anvil
let providers: readonly LyingRpc[]
const cleanups: (() => unknown)[] = []

beforeEach(async () => {
  chain = await anvil()
  cleanups.push(() => chain.stop())
  await chain.rpc('anvil_setCode', ECHO, CODE.echo)
  await chain.rpc('anvil_setCode', REVERTER, CODE.revert)
  await chain.rpc('anvil_setCode', LOGGER, CODE.log)
  await chain.rpc('eth_sendTransaction', { from: ACCOUNTS[0], to: LOGGER, data: '0xbeef' })
  await vi.waitFor(async () => expect(await chain.rpc('eth_blockNumber')).toBe('0x1'))
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function readerOf(count: number, k: number) {
  providers = await Promise.all(Array.from({ length: count }, () => lyingRpc(chain)))
  const modules = { clock: systemClock, log: silent, metrics: new TestMetrics() }
  const chains = [
    {
      id: CHAIN_ID,
      name: 'test',
      confirmations: 1,
      agreement: k,
      rpc: providers.map(({ url }) => url),
      headPollMs: 0,
    },
  ]
  const pools = chainPools({ chains, timeoutMs: 700 }, modules)
  const plain = viemChainReader({ chains, timeoutMs: 700 }, { ...modules, pools })
  const store = memoryAgreements()
  cleanups.push(() => pools.stop(), ...providers.map((provider) => () => provider.stop()))
  const reader = agreedReader(
    { chains },
    { reader: plain, counting: (chainId) => pools.of(chainId), store, clock: systemClock },
  )
  return { reader, plain, store }
}

const logsIn = (reader: ChainReader) =>
  reader.logs(CHAIN_ID, { address: LOGGER, topics: [TOPIC], fromBlock: 1n, toBlock: 1n })

describe.each([1, 2])('with honest providers, %i of which must agree', (k) => {
  it('reads as the reader behind it', async () => {
    const { reader, plain } = await readerOf(2, k)
    expect(reader.chains()).toEqual(plain.chains())
    expect(await reader.head(CHAIN_ID)).toEqual(await plain.head(CHAIN_ID))
    const block = await plain.block(CHAIN_ID, 1n)
    expect(block).not.toBeNull()
    expect(await reader.block(CHAIN_ID, 1n)).toEqual(block)
    expect(await reader.block(CHAIN_ID, block?.hash ?? '0x')).toEqual(block)
    expect(await reader.block(CHAIN_ID, 'latest')).toEqual(block)
    expect(await reader.block(CHAIN_ID, 99n)).toBeNull()
    for (const at of ['latest', 1n, block?.hash ?? '0x'] as const)
      expect(await reader.call(CHAIN_ID, { to: ECHO, data: '0xcafe', at })).toBe('0xcafe')
    const reverting = { to: REVERTER, data: revertData, at: 1n } as const
    await expect(reader.call(CHAIN_ID, reverting)).rejects.toMatchObject({
      code: 'CHAIN_CALL_REVERTED',
      data: { data: revertData },
    })
    expect(await logsIn(reader)).toEqual(await logsIn(plain))
    expect(await logsIn(reader)).toMatchObject([{ data: '0xbeef' }])
    const all = { address: LOGGER, fromBlock: 0n, toBlock: 1n } as const
    expect(await reader.logs(CHAIN_ID, all)).toHaveLength(1)
    expect(await reader.logs(CHAIN_ID, { ...all, topics: [null, TOPIC] })).toEqual([])
    expect(await reader.balance(CHAIN_ID, ACCOUNTS[1] ?? '0x')).toBeGreaterThan(0n)
  })
})

const wrongCalls: Lie = ({ method }) => (method === 'eth_call' ? '0xbad0' : TRUTH)
const revertedCalls: Lie = ({ method, truth }) => (method === 'eth_call' ? '0x' : truth())

describe('with a liar', () => {
  it.each<[string, Lie, (reader: ChainReader) => Promise<unknown>]>([
    ['of a call', wrongCalls, (reader) => reader.call(CHAIN_ID, { to: ECHO, data: '0xcafe', at: 1n })],
    ['of a revert', revertedCalls, (reader) => reader.call(CHAIN_ID, { to: REVERTER, data: '0x', at: 1n })],
    ['of logs', wrongLogs, logsIn],
    ['of a block', wrongParents, (reader) => reader.block(CHAIN_ID, 1n)],
  ])('%s nothing is taken, with two of three in agreement either', async (_name, lie, read) => {
    const { reader } = await readerOf(3, 2)
    providers[1]?.lie(lie)
    await expect(read(reader)).rejects.toMatchObject({ code: 'TRUST_DISAGREEMENT', retry: true })
    providers[1]?.lie(null)
    await read(reader).catch((error: unknown) => expect(error).toMatchObject({ code: 'CHAIN_CALL_REVERTED' }))
  })

  it('of a call there is evidence', async () => {
    const { reader, store } = await readerOf(2, 2)
    providers[0]?.lie(wrongCalls)
    await expect(reader.call(CHAIN_ID, { to: ECHO, data: '0xcafe', at: 1n })).rejects.toMatchObject({
      code: 'TRUST_DISAGREEMENT',
    })
    expect(store.kept).toMatchObject([{ kind: 'call', block: { number: '1' } }])
    expect(store.kept[0]?.statements.map(({ answer }) => answer).toSorted()).toEqual(['0xbad0', '0xcafe'])
  })
})

describe('with one that does not answer', () => {
  it('another one is asked; without another one nothing is taken', async () => {
    const three = await readerOf(3, 2)
    providers[0]?.lie(halfOpen)
    expect(await three.reader.call(CHAIN_ID, { to: ECHO, data: '0xcafe', at: 1n })).toBe('0xcafe')
    const two = await readerOf(2, 2)
    providers[0]?.lie(halfOpen)
    await expect(two.reader.call(CHAIN_ID, { to: ECHO, data: '0xcafe', at: 1n })).rejects.toMatchObject({
      code: 'TRUST_NOT_AGREED',
      retry: true,
    })
  })

  it('one that is behind is no witness that a block is not there', async () => {
    const { reader } = await readerOf(2, 2)
    providers[0]?.lie(staleAt(0n))
    await expect(reader.block(CHAIN_ID, 1n)).rejects.toMatchObject({ retry: true })
  })
})
