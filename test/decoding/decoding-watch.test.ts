import type { Abi } from 'viem'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { constantProductPoolAbi } from '../../contracts/abi/ConstantProductPool.ts'
import { poolFactoryAbi } from '../../contracts/abi/PoolFactory.ts'
import { testTokenAbi } from '../../contracts/abi/TestToken.ts'
import { transferBurstAbi } from '../../contracts/abi/TransferBurst.ts'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { type Database, openDatabase } from '../../node/adapters/postgres/database.ts'
import { undecodedStore } from '../../node/adapters/postgres/undecoded-store.ts'
import { type ViemChainReader, viemChainReader } from '../../node/adapters/viem/chain-reader.ts'
import { chainPools } from '../../node/adapters/viem/pools.ts'
import { rawLogs } from '../../node/adapters/viem/raw-logs.ts'
import { type DecodingWatch, decodingWatch } from '../../node/decoding/decoding-watch.ts'
import type { Hex } from '../../node/ports/chain.ts'
import type { AbiEvent, CustomContract } from '../../node/ports/custom-tables.ts'
import type { RawLogs } from '../../node/ports/raw-logs.ts'
import { MOST_UNDECODED } from '../../node/ports/undecoded-log.ts'
import { serve } from '../adapters/hono/fixture.ts'
import {
  type Anvil,
  account,
  deploy,
  type Postgres,
  startAnvil,
  startPostgres,
  until,
} from '../adapters/ponder/fixture.ts'
import { recordingLogger, recordingMetrics } from '../adapters/ponder/recorders.ts'

const ID = 31337
const FINAL_DEPTH = 8
let postgres: Postgres
let anvil: Anvil
let database: Database
let reader: ViemChainReader
let token: Hex
let factory: Hex
let burst: Hex
const watches: DecodingWatch[] = []

const eventOf = (abi: Abi, name: string): AbiEvent => {
  const found = abi.find((entry) => entry.type === 'event' && entry.name === name)
  if (found === undefined) throw new Error(`no event ${name}`)
  return found as unknown as AbiEvent
}
/** The same event with other inputs indexed: as ERC-721 has what ERC-20 has. */
const withIndexed = (event: AbiEvent, indexed: readonly boolean[]): AbiEvent => ({
  ...event,
  inputs: event.inputs.map((input, at) => ({ ...input, indexed: indexed[at] ?? false })),
})
const transfer = eventOf(testTokenAbi, 'Transfer')
const wrong = withIndexed(transfer, [true, true, true])
const contract = (name: string, events: readonly AbiEvent[], more: object = {}): CustomContract => ({
  ...{ name, chainId: ID, startBlock: 0, events, source: { addresses: [token] } },
  ...more,
})

async function send(request: Parameters<Anvil['client']['writeContract']>[0]): Promise<bigint> {
  const hash = await anvil.client.writeContract(request)
  return (await anvil.client.waitForTransactionReceipt({ hash })).blockNumber
}
const transferred = (count: bigint) =>
  send({
    ...{ address: burst, abi: transferBurstAbi, functionName: 'burst', args: [token, 1n, count] },
    ...{ account, chain: null },
  })
const logsOfToken = () =>
  anvil.client.getContractEvents({ address: token, abi: testTokenAbi, eventName: 'Transfer', fromBlock: 0n })
const mine = (blocks: number) => anvil.client.mine({ blocks })

function modules(raw?: RawLogs) {
  const log = recordingLogger()
  const metrics = recordingMetrics()
  const pools = chainPools(
    { chains: [{ id: ID, rpc: [anvil.url] }], timeoutMs: 5_000 },
    { clock: systemClock, log, metrics },
  )
  const index = {
    // What the indexer has is at the head: it is not what is tested here.
    freshness: async () => {
      const head = await reader.head(ID)
      return [
        {
          ...{ chainId: ID, name: 'anvil', head, finalized: null, lagBlocks: 0 },
          indexed: { number: head.number, timestamp: head.timestamp },
        },
      ]
    },
  }
  const store = undecodedStore({ database })
  return { chain: reader, raw: raw ?? rawLogs({ pools }), index, store, clock: systemClock, log, metrics }
}

async function watch(contracts: readonly CustomContract[], raw?: RawLogs, blocks = 2_000) {
  const given = modules(raw)
  const started = decodingWatch({ contracts, blocks, pollMs: 20, pauseMs: 0, retryMs: 5 }, given)
  watches.push(started)
  await started.start()
  const status = async (name: string) => (await given.store.status()).find((each) => each.contract === name)
  const all = (name: string) => given.store.logs({ contract: name, after: null, limit: 10_000 })
  /** Once everything up to the head is looked through. */
  const settled = async (name: string) =>
    await until(`${name} is looked through`, 20_000, async () => {
      const head = await anvil.client.getBlock()
      const found = await status(name)
      return found?.place?.hash === head.hash ? found : undefined
    })
  return { ...given, watch: started, status, all, settled }
}

beforeAll(async () => {
  ;[postgres, anvil] = await Promise.all([startPostgres(), startAnvil(ID)])
  database = await openDatabase(
    { url: postgres.url, schema: 'iyi', applicationName: 'test' },
    { log: recordingLogger(), metrics: recordingMetrics() },
  )
  reader = viemChainReader(
    {
      chains: [
        {
          id: ID,
          name: 'anvil',
          confirmations: 1,
          rpc: [anvil.url],
          finality: { depth: FINAL_DEPTH },
          headPollMs: 10,
        },
      ],
      timeoutMs: 5_000,
    },
    { clock: systemClock, log: recordingLogger(), metrics: recordingMetrics() },
  )
  await reader.start()
  token = await deploy(anvil.client, 'TestToken', testTokenAbi, ['Wrapped A', 'A', 18])
  factory = await deploy(anvil.client, 'PoolFactory', poolFactoryAbi, [])
  burst = await deploy(anvil.client, 'TransferBurst', transferBurstAbi, [])
}, 30_000)

afterEach(async () => {
  await Promise.all(watches.splice(0).map((each) => each.stop()))
})
afterAll(async () => {
  await reader?.stop()
  await database?.close()
  await Promise.all([anvil?.stop(), postgres?.stop()])
})

describe('logs that do not fit the ABI', { timeout: 60_000 }, () => {
  it('that can not be looked for are told of once, and once more when they can', async () => {
    let fails = true
    let asked = 0
    const { raw } = modules()
    const broken: RawLogs = {
      logs: async (chainId, filter) => {
        asked++
        if (fails) throw new Error('the provider refuses the range')
        return await raw.logs(chainId, filter)
      },
    }
    await mine(3)
    const world = await watch([contract('wrong', [wrong])], broken)
    const behind = () => world.metrics.values.get('iyi_index_undecoded_behind_blocks{chain=anvil}')
    const lines = (level: string) => world.log.lines.filter((line) => line.level === level)
    await until('many failures', 20_000, async () => asked > 20)
    expect(lines('warn')).toMatchObject([{ fields: { chain: 'anvil', failures: 6 } }])
    expect(lines('info')).toEqual([])
    expect(behind()).toBe(Number(await anvil.client.getBlockNumber()) + 1)
    fails = false
    await world.settled('wrong')
    await until('nothing is behind', 20_000, async () => behind() === 0)
    expect(lines('info')).toMatchObject([{ fields: { chain: 'anvil' } }])
  })

  it('are kept, each of them, with what does not fit; those of a right ABI are not', async () => {
    await transferred(5n)
    const world = await watch([contract('wrong', [wrong]), contract('right', [transfer])])
    await world.settled('wrong')
    await transferred(3n)
    await world.settled('wrong')
    await world.settled('right')
    const logs = await logsOfToken()
    expect(await world.all('wrong')).toEqual(
      logs.map(({ blockNumber, blockHash, logIndex, transactionHash, topics, data }) => ({
        ...{ contract: 'wrong', chainId: ID, event: 'Transfer', address: token.toLowerCase() },
        ...{ blockNumber, blockHash, logIndex, transactionHash, topics, data, dataBytes: 32 },
        error: 'the log has 2 indexed inputs, its event in the ABI has 3',
      })),
    )
    expect(await world.all('right')).toEqual([])
    expect(world.metrics.values.get('iyi_index_undecoded_logs_total{chain=anvil,contract=wrong}')).toBe(
      logs.length,
    )
    const warnings = world.log.lines.filter(({ level }) => level === 'warn')
    expect(warnings).toHaveLength(1)
  })

  it('are served with their finality, page by page', async () => {
    const world = await watch([contract('wrong', [wrong])])
    await mine(FINAL_DEPTH + 1)
    await transferred(2n)
    await world.settled('wrong')
    const { url } = await serve(() => {}, {}, {}, { undecoded: world.store })
    const get = async (path: string) => (await (await fetch(`${url}${path}`)).json()) as Record<string, never>
    const rows: { final: boolean; blockNumber: string }[] = []
    let cursor = ''
    do {
      const { data, nextCursor } = await get(`/v1/index-errors/wrong?limit=3${cursor}`)
      rows.push(...(data as unknown as typeof rows))
      cursor = nextCursor === null ? '' : `&cursor=${String(nextCursor)}`
    } while (cursor !== '')
    const logs = await logsOfToken()
    const head = await anvil.client.getBlockNumber()
    expect(rows.map(({ final, blockNumber }) => [blockNumber, final])).toEqual(
      logs.map(({ blockNumber }) => [String(blockNumber), blockNumber <= head - BigInt(FINAL_DEPTH)]),
    )
    const { data: list } = await get('/v1/index-errors')
    expect(list).toMatchObject([
      { contract: 'wrong', total: String(logs.length), kept: logs.length, checked: String(head) },
    ])
    expect((await fetch(`${url}/v1/index-errors/nothing`)).status).toBe(404)
  })

  it('of a factory’s contracts are found too, also of later ones, and of the factory itself', async () => {
    const made = eventOf(poolFactoryAbi, 'PairCreated')
    const approval = eventOf(constantProductPoolAbi, 'Approval')
    const other = await deploy(anvil.client, 'TestToken', testTokenAbi, ['Dollar B', 'B', 6])
    const pairs: Hex[] = []
    const pair = async (a: Hex, b: Hex) => {
      const fromBlock = (await anvil.client.getBlockNumber()) + 1n
      await send({
        ...{ address: factory, abi: poolFactoryAbi, functionName: 'createPair', args: [a, b] },
        ...{ account, chain: null },
      })
      const [event] = await anvil.client.getContractEvents({
        ...{ address: factory, abi: poolFactoryAbi, eventName: 'PairCreated', fromBlock },
      })
      if (event?.args.pool === undefined) throw new Error('no pool')
      await send({
        ...{ address: event.args.pool, abi: constantProductPoolAbi, functionName: 'approve' },
        ...{ args: [account.address, 7n], account, chain: null },
      })
      pairs.push(event.args.pool.toLowerCase() as Hex)
    }
    await pair(token, other)
    const source = (event: AbiEvent) => ({
      source: { factory: { address: factory, event, parameter: 'pool' } },
    })
    const world = await watch([
      contract('pairs', [withIndexed(approval, [true, false, false])], source(made)),
      contract('maker', [approval], source(withIndexed(made, [true, true, true]))),
      contract('fine', [approval], source(made)),
    ])
    await world.settled('pairs')
    await pair(other, burst)
    for (const name of ['pairs', 'maker', 'fine']) await world.settled(name)
    expect((await world.all('pairs')).map(({ address }) => address)).toEqual(pairs)
    expect((await world.all('maker')).map(({ event, address }) => [event, address])).toEqual(
      pairs.map(() => ['PairCreated', factory.toLowerCase()]),
    )
    expect(await world.all('fine')).toEqual([])
  })

  it('of a branch that the chain has left are gone, and those of the new one are there', async () => {
    const world = await watch([contract('wrong', [wrong])])
    const snapshot = await anvil.client.snapshot()
    await transferred(4n)
    await mine(2)
    await world.settled('wrong')
    const before = (await world.all('wrong')).length
    await anvil.client.revert({ id: snapshot })
    await transferred(1n)
    await mine(3)
    await world.settled('wrong')
    const logs = await logsOfToken()
    expect(logs.length).toBe(before - 3)
    expect((await world.all('wrong')).map(({ blockHash, logIndex }) => [blockHash, logIndex])).toEqual(
      logs.map(({ blockHash, logIndex }) => [blockHash, logIndex]),
    )
    expect((await world.status('wrong'))?.place?.total).toBe(BigInt(logs.length))
  })

  it('are exact after a stop in the middle of a past, and after a reorganisation meanwhile that even dropped final blocks', async () => {
    const snapshot = await anvil.client.snapshot()
    const gone = await transferred(2n)
    await mine(2 * FINAL_DEPTH)
    let broke = false
    const { raw } = modules()
    const last = (await anvil.client.getBlockNumber()) - BigInt(FINAL_DEPTH)
    // Breaks off in the final past, behind what will be gone; short ranges make a long way of a short chain.
    const broken: RawLogs = {
      logs: async (chainId, filter) => {
        broke ||= filter.toBlock >= last
        if (broke) throw new Error('the provider is gone')
        return await raw.logs(chainId, filter)
      },
    }
    await database.query('delete from undecoded_progress')
    const first = await watch(
      [contract('wrong', [wrong], { startBlock: 1 }), contract('late', [wrong], { startBlock: 6 })],
      broken,
      2,
    )
    await until('it broke off', 10_000, async () => broke)
    expect((await first.status('wrong'))?.final?.number).toBeGreaterThanOrEqual(gone)
    await first.watch.stop()
    await anvil.client.revert({ id: snapshot })
    await transferred(3n)
    await mine(3 * FINAL_DEPTH)
    const second = await watch([
      contract('wrong', [wrong], { startBlock: 1 }),
      contract('late', [wrong], { startBlock: 6 }),
    ])
    await second.settled('wrong')
    await second.settled('late')
    const logs = await logsOfToken()
    const found = (await second.all('wrong')).map(({ blockHash, logIndex }) => [blockHash, logIndex])
    expect(found).toEqual(logs.map(({ blockHash, logIndex }) => [blockHash, logIndex]))
    expect((await second.all('late')).length).toBe(logs.filter(({ blockNumber }) => blockNumber >= 6n).length)
  })

  it('are looked for anew with another ABI, and forgotten with their contract', async () => {
    const first = await watch([contract('wrong', [wrong]), contract('gone', [wrong])])
    await first.settled('wrong')
    await first.settled('gone')
    expect((await first.all('wrong')).length).toBeGreaterThan(0)
    await first.watch.stop()
    const second = await watch([contract('wrong', [transfer])])
    await second.settled('wrong')
    expect(await second.all('wrong')).toEqual([])
    expect(await second.status('gone')).toBeUndefined()
    expect(await second.all('gone')).toEqual([])
  })

  it('are kept up to a number, the oldest; the others are counted', async () => {
    for (let i = 0; i < 11; i++) await transferred(100n)
    const world = await watch([contract('wrong', [wrong])])
    await world.settled('wrong')
    const logs = await logsOfToken()
    const kept = await world.all('wrong')
    expect(kept.map(({ blockNumber, logIndex }) => [blockNumber, logIndex])).toEqual(
      logs.slice(0, MOST_UNDECODED).map(({ blockNumber, logIndex }) => [blockNumber, logIndex]),
    )
    expect((await world.status('wrong'))?.place?.total).toBe(BigInt(logs.length))
  })
})
