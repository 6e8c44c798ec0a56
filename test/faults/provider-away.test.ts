import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { type ViemChainReader, viemChainReader } from '../../node/adapters/viem/chain-reader.ts'
import type { Hex } from '../../node/ports/chain.ts'
import { chain } from '../adapters/postgres/chain-events.ts'
import { chainWorld } from '../adapters/postgres/chain-world.ts'
import {
  noMetrics,
  recordingLog,
  type TestPostgres,
  testPostgres,
  until,
} from '../adapters/postgres/support.ts'
import { type Anvil, anvil, CHAIN_ID } from '../adapters/viem/kit.ts'
import { halfOpen, type LyingRpc, lyingRpc, tooManyRequests } from '../trust/lying-rpc.ts'
import { type Following, following } from './following.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let postgres: TestPostgres
let provider: Anvil
let rpc: LyingRpc
let reader: ViemChainReader
let node: Following
beforeAll(async () => {
  ;[postgres, provider] = await Promise.all([testPostgres(), anvil()])
  rpc = await lyingRpc(provider)
  reader = viemChainReader(
    {
      chains: [{ ...chain(CHAIN_ID, 0), rpc: [rpc.url], headPollMs: 30, finality: { depth: 1 } }],
      timeoutMs: 300,
    },
    { clock: systemClock, log: recordingLog(), metrics: noMetrics },
  )
  await reader.start()
  // The blocks of the index are those of the real chain; what is final is asked of its provider.
  const world = chainWorld([chain(CHAIN_ID, 0)])
  world.setIndexing(false)
  node = await following(postgres.server.url, { ...world, chains: reader })
})
afterAll(async () => {
  await node?.stop()
  await reader?.stop()
  await rpc?.stop()
  await provider?.stop()
  await postgres?.dispose()
})

/** A block with one event, in the chain and in the index. */
async function mined(): Promise<void> {
  await provider.rpc('anvil_mine', '0x1')
  const block = await provider.rpc<{ number: Hex; hash: Hex; parentHash: Hex; timestamp: Hex }>(
    ...(['eth_getBlockByNumber', 'latest', false] as const),
  )
  const { index } = node.world
  const number = BigInt(block.number)
  const place = { chainId: CHAIN_ID, blockNumber: number, blockHash: block.hash, logIndex: 0 }
  const { hash, parentHash } = block
  index.add('block', { chainId: CHAIN_ID, slot: Number(number), number, hash, parentHash, timestamp: number })
  index.add('event', {
    ...{ ...place, id: `${number}`, transactionHash: block.hash, timestamp: number },
    ...{ address: `0x${'ab'.repeat(20)}`, name: 'a', data: {} },
  })
  index.setHead(CHAIN_ID, number)
}

it.each([
  ['does not answer', halfOpen],
  ['refuses', tooManyRequests],
])('a provider that %s is told of, and nothing is lost when it is back', async (_, lie) => {
  const { events, fold, database } = node
  const finals = async () =>
    Number((await database.query('select count(*) as n from event where level = 3'))[0]?.n)
  const before = { heard: fold.heard.length, finals: await finals() }
  await mined()
  await until(() => fold.heard.length === before.heard + 1)
  rpc.lie(lie)
  await until(() => reader.health().status === 'degraded')
  await mined()
  await mined()
  // For a moment the head is remembered; then nobody is told of an old one.
  await until(() =>
    reader.head(CHAIN_ID).then(
      () => false,
      (error: { code?: unknown; retry?: unknown }) =>
        error.code === 'CHAIN_UNAVAILABLE' && error.retry === true,
    ),
  )
  rpc.lie(null)
  await until(() => reader.health().status === 'ok')
  await until(() => fold.heard.length === before.heard + 3)
  // And what waited for the provider's word is final.
  await until(async () => (await finals()) === fold.heard.length - 1)
  await until(() => events.health().status === 'ok')
  expect(new Set(fold.heard.map(({ key }) => key)).size).toBe(fold.heard.length)
})
