import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getAddress, type Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { testTokenAbi } from '../../../contracts/abi/TestToken.ts'
import { createKeystores } from '../../../node/adapters/keystore/create.ts'
import { runNode } from '../../../node/compose/node.ts'
import { loadConfig } from '../../../node/config/load.ts'
import { type Anvil, freePort, startAnvil, until } from '../../adapters/ponder/fixture.ts'
import type { Answer, TransferBody } from './kit.ts'
import { type Judged, naiveFeatures } from './naive.ts'
import { type LoggedTransfer, tokenChain } from './token-chain.ts'

const CHAIN = 31_337
const DAY = 86_400
const password = 'long enough'
const log = { level: 'error', format: 'json' } as const

let dir: string
let anvil: Anvil
let chain: Awaited<ReturnType<typeof tokenChain>>
let coin: Hex
let wrapped: Hex
let api: string
let running: Promise<void> | undefined
const stopping = new AbortController()

type AsOf = TransferBody & {
  readonly timestamp: number
  readonly historySeconds: number
  readonly block: { readonly number: string; readonly hash: Hex } | null
}

async function get<T = AsOf>(path: string): Promise<Answer<T>> {
  const response = await fetch(`${api}/v1/features/${path}`)
  return { status: response.status, body: (await response.json()) as Answer<T>['body'] }
}

/** Every transfer that is served of a token, in the chain's order. */
async function served(token: Hex): Promise<readonly TransferBody[]> {
  const rows: TransferBody[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Answer<readonly TransferBody[]> = await get(
      `tokens/${CHAIN}/${token}/transfers?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    if (page.status !== 200) return []
    rows.push(...page.body.data)
    cursor = page.body.nextCursor ?? null
  }
  return rows.toReversed()
}

const places = (of: readonly { blockNumber: string; transactionHash: Hex; logIndex: number }[]) =>
  of.map(({ blockNumber, transactionHash, logIndex }) => `${blockNumber} ${transactionHash} ${logIndex}`)
const placesOf = (of: readonly LoggedTransfer[]) =>
  places(of.map((each) => ({ ...each, blockNumber: each.block.toString() })))

/** Waits until what is served is what the chain has, and both tokens are followed up to its head. */
async function followed(): Promise<readonly LoggedTransfer[]> {
  const { number } = await chain.head()
  for (const token of [coin, wrapped]) {
    const logs = placesOf(await chain.transfers(token)).join()
    await until('every transfer of the chain', 120_000, async () => {
      if (places(await served(token)).join() !== logs) return false
      const { status, body } = await get(`tokens/${CHAIN}/${token}/addresses/${coin}?to=${coin}&value=1`)
      return status === 200 && body.data.block?.number === number.toString()
    })
  }
  return chain.transfers(coin)
}

function near(body: Pick<TransferBody, 'features'> | undefined, naive: Readonly<Record<string, number>>) {
  const values = body?.features.values ?? {}
  expect(Object.keys(values).sort()).toEqual(Object.keys(naive).sort())
  for (const [name, value] of Object.entries(naive)) {
    const gap = Math.abs((values[name] ?? Number.NaN) - value)
    // Float32 of values below 14; sums in another order.
    expect(gap, `${name}: ${values[name]}, naively ${value}`).toBeLessThan(2e-6)
  }
}

/** As of right after a block, as the chain's logs have it now. */
async function nearAsOf(block: bigint, judged: Omit<Judged, 'timestamp'>): Promise<Answer<AsOf>> {
  const { hash, timestamp: seconds } = await anvil.client.getBlock({ blockNumber: block })
  const { from, to, value } = judged
  const answer = await get(`tokens/${CHAIN}/${coin}/addresses/${from}?to=${to}&value=${value}&block=${block}`)
  expect(answer).toMatchObject({
    status: 200,
    body: { data: { block: { number: block.toString(), hash }, timestamp: Number(seconds) } },
  })
  const before = (await chain.transfers(coin)).filter((each) => each.block <= block)
  near(answer.body.data, naiveFeatures(before, { ...judged, timestamp: Number(seconds) }))
  return answer
}

async function configFile(startBlock: number): Promise<string> {
  const abi = testTokenAbi.filter((entry) => entry.type === 'event')
  const named = JSON.stringify(abi).replace('"from"', '"src"').replace('"to"', '"dst"')
  await mkdir(join(dir, 'abis'))
  await writeFile(join(dir, 'abis/coin.json'), JSON.stringify(abi))
  await writeFile(join(dir, 'abis/wrapped.json'), named)
  const path = join(dir, 'iyi.yaml')
  const followed = { chainId: CHAIN, events: ['Transfer'], startBlock, eventLog: true }
  await writeFile(
    path,
    stringify({
      ...{ name: 'features', dataDir: './data', log },
      chains: [{ id: CHAIN, name: 'anvil', rpc: [anvil.url], confirmations: 2, pollingIntervalMs: 100 }],
      database: { mode: 'embedded', port: await freePort() },
      indexer: {
        port: await freePort(),
        contracts: [
          { name: 'coin', address: getAddress(coin), abi: 'abis/coin.json', ...followed },
          { name: 'wrapped', address: wrapped, abi: 'abis/wrapped.json', ...followed },
        ],
      },
      keys: { dir: './keys' },
      network: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      api: { port: await freePort() },
      admin: { port: await freePort() },
      plugins: [
        {
          use: 'features',
          grants: ['chain.read', 'index.read', 'events', 'http.routes', 'store', 'inference'],
          config: { tokens: [{ contract: 'coin' }, { contract: 'wrapped', from: 'src', to: 'dst' }] },
        },
      ],
    }),
  )
  return path
}

/** Blocks of transfers among few: within seconds, after days, many in one block, more than histories hold. */
async function makeHistory(): Promise<void> {
  const { block, mint, send, crowd } = chain
  const all = [0, 1, 2, 3, 4]
  await block(
    60,
    ...all.map((each) => mint(coin, each, 10n ** 12n)),
    ...all.map((each) => mint(wrapped, each, 10n ** 24n)),
  )
  let state = 7
  const next = (below: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  const some = (token: Hex) => send(token, next(5), next(5), BigInt(next(1_000)) ** 3n)
  for (let i = 0; i < 40; i++) {
    const gap = i === 12 ? 2 * DAY : i === 24 ? 6 * DAY : i === 30 ? 8 * DAY : 1 + next(7_000)
    await block(gap, some(coin), some(i % 2 === 0 ? coin : wrapped), ...(i % 5 === 0 ? [some(coin)] : []))
    if (i === 27) await block(1, crowd(coin, 300), some(coin))
  }
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-features-'))
  anvil = await startAnvil(CHAIN)
  const first = Number(await anvil.client.getBlockNumber()) + 1
  chain = await tokenChain(anvil)
  ;[coin, wrapped] = chain.tokens
  await Promise.all([makeHistory(), createKeystores({ dir: join(dir, 'keys'), password, scrypt: 'light' })])
  const { config, source } = loadConfig({ path: await configFile(first), env: {} })
  api = `http://127.0.0.1:${config.api.port}`
  running = runNode(
    config,
    { source, env: {}, keysPassword: async () => password },
    { signal: stopping.signal },
  )
  const up = until('the API', 120_000, () =>
    fetch(`${api}/v1/features/tokens`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  await Promise.race([up, running])
  await followed()
}, 300_000)

afterAll(async () => {
  stopping.abort(new Error('the test ends'))
  // A start that failed was told already.
  await Promise.allSettled([running])
  await anvil?.stop()
  await rm(dir, { recursive: true, force: true })
})

describe('a node with a real index of a real token', { timeout: 180_000 }, () => {
  it('has each transfer’s features as the logs before it say', async () => {
    for (const token of [coin, wrapped]) {
      const logs = await chain.transfers(token)
      const rows = await served(token)
      expect(places(rows)).toEqual(placesOf(logs))
      for (const [i, judged] of logs.entries()) near(rows[i], naiveFeatures(logs.slice(0, i), judged))
    }
    expect((await chain.transfers(coin)).length).toBeGreaterThan(370)
  })

  it('tells what a model would have been told after any block, whatever came later', async () => {
    const logs = await chain.transfers(coin)
    const { number: head } = await chain.head()
    const crowded = logs.find((each) => each.from === chain.burst)?.block ?? 0n
    const [a, b] = [chain.account(1), chain.account(2)]
    for (const block of [0n, 3n, 4n, 10n, 17n, crowded - 1n, crowded, crowded + 1n, head - 1n, head])
      for (const [from, to] of [
        [a, b],
        [b, a],
        [chain.burst, a],
        [a, chain.burst],
        [a, a],
      ] as const)
        await nearAsOf(block, { from, to, value: 123_456n })
  })

  it('and at any time', async () => {
    const logs = await chain.transfers(coin)
    const [from, to] = [chain.account(3), chain.account(4)]
    const { timestamp: head } = await chain.head()
    for (const at of [logs[9]?.timestamp ?? 0, (logs[40]?.timestamp ?? 0) - 1, head - 1, head - 3 * DAY]) {
      const { status, body } = await get(
        `tokens/${CHAIN}/${coin}/addresses/${from}?to=${to}&value=5000&time=${at}`,
      )
      expect(status).toBe(200)
      const before = logs.filter(({ timestamp }) => timestamp <= at)
      expect(body.data.block).toEqual({
        number: before.at(-1)?.block.toString(),
        hash: before.at(-1)?.blockHash,
      })
      near(body.data, naiveFeatures(before, { from, to, value: 5_000n, timestamp: at }))
    }
  })

  it('takes back with a reorganisation what it said of a transfer and of those after it', async () => {
    const { block, send, request, account } = chain
    const [from, to] = [account(1), account(2)]
    const judged = { from, to, value: 777n }
    await block(20, send(coin, 1, 2, 10n ** 9n))
    const before = await followed()
    const { number: kept } = await chain.head()
    const asOfKept = await nearAsOf(kept, judged)
    await block(30, send(coin, 2, 1, 5n * 10n ** 9n), send(coin, 1, 3, 4n))
    await block(40, send(coin, 1, 2, 9n))
    const gone = (await followed()).slice(before.length)
    expect(gone).toHaveLength(3)
    const { number: head } = await chain.head()
    for (const at of [head - 1n, head]) await nearAsOf(at, judged)

    await request('anvil_reorg', 2, [])
    await block(50, send(coin, 1, 2, 9n))
    await followed()
    for (const { transactionHash, logIndex } of gone)
      expect(await get(`transfers/${CHAIN}/${transactionHash}/${logIndex}`)).toMatchObject({
        status: 404,
        body: { code: 'FEATURES_UNKNOWN_TRANSFER' },
      })
    const logs = await chain.transfers(coin)
    expect(placesOf(logs).slice(0, before.length)).toEqual(placesOf(before))
    const rows = await served(coin)
    for (const [i, each] of logs.entries()) near(rows[i], naiveFeatures(logs.slice(0, i), each))
    for (const at of [kept, head - 1n, head]) await nearAsOf(at, judged)
    expect((await nearAsOf(kept, judged)).body.data).toEqual(asOfKept.body.data)
  })
})
