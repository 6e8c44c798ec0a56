import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseAbiItem } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { ponderIndexReader } from '../../../node/adapters/ponder/index-reader.ts'
import { ponderSupervisor } from '../../../node/adapters/ponder/supervisor.ts'
import { type Database, openDatabase } from '../../../node/adapters/postgres/database.ts'
import { lockDatabase } from '../../../node/adapters/postgres/database-lock.ts'
import { eventLog } from '../../../node/adapters/postgres/event-log.ts'
import { viemChainReader } from '../../../node/adapters/viem/chain-reader.ts'
import { stages } from '../../../node/ports/events.ts'
import { chainHalts } from '../../../node/trust/halts.ts'
import { Fold } from '../postgres/event-fold.ts'
import {
  type Anvil,
  deployMarket,
  freePort,
  type Market,
  type Postgres,
  repository,
  startAnvil,
  startPostgres,
  trade,
  until,
} from './fixture.ts'
import { recordingLogger, recordingMetrics } from './recorders.ts'

const swapEvent = parseAbiItem(
  'event Swap(address indexed sender, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address indexed to)',
)
/** Anvil calls a block final when 64 lie on it. */
const finality = 64
const schema = 'node_events'

let postgres: Postgres
let database: Database
let directory: string
let alpha: Anvil
let beta: Anvil
let alphaMarket: Market
let betaMarket: Market
let node: Awaited<ReturnType<typeof startNode>>
const folds = { seen: new Fold(), confirmed: new Fold(), final: new Fold() }

const chains = () => [
  { id: alpha.chainId, name: 'alpha', rpc: [alpha.url], confirmations: 2, pollingIntervalMs: 200 },
  { id: beta.chainId, name: 'beta', rpc: [beta.url], confirmations: 2, pollingIntervalMs: 200 },
]

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iyi-deep-'))
  ;[postgres, alpha, beta] = await Promise.all([startPostgres(), startAnvil(31337), startAnvil(31338)])
  ;[alphaMarket, betaMarket] = await Promise.all([deployMarket(alpha), deployMarket(beta)])
  database = await openDatabase(
    { url: postgres.url, schema, applicationName: 'test' },
    { log: recordingLogger(), metrics: recordingMetrics() },
  )
  node = await startNode()
})

afterAll(async () => {
  await node?.stop()
  await database?.close()
  await Promise.all([alpha?.stop(), beta?.stop(), postgres?.stop()])
  await rm(directory, { recursive: true, force: true })
})

/** What a node has of these: the lock, chains, its indexer, and the event log with a consumer at each stage. */
async function startNode() {
  const log = recordingLogger()
  const common = { clock: systemClock, log, metrics: recordingMetrics() }
  const lock = await lockDatabase({ onLost: () => {} }, { database, ...common })
  const chain = viemChainReader(
    { chains: chains().map((entry) => ({ ...entry, headPollMs: 100 })), timeoutMs: 5_000 },
    common,
  )
  await chain.start()
  const index = ponderIndexReader(
    { viewsSchema: 'iyi_index', headPollMs: 100 },
    { pool: database.pool, chain, ...common },
  )
  await index.start()
  const halts = chainHalts(common)
  const events = eventLog({ pollMs: 50 }, { database, index, chains: chain, halts, ...common })
  await events.start()
  for (const stage of stages) {
    const options = { consumer: stage, names: ['pool.Swap'], from: 'start', stage } as const
    await events.subscribe(options, folds[stage].take)
  }
  const toldByIndexer: number[] = []
  const supervisor = ponderSupervisor(
    {
      root: join(repository, 'indexer'),
      databaseUrl: postgres.url,
      config: {
        chains: chains().map(({ confirmations: _, ...rest }) => rest),
        contracts: [
          {
            kind: 'pool',
            chainId: alpha.chainId,
            address: alphaMarket.pool,
            startBlock: alphaMarket.startBlock,
          },
          {
            kind: 'pool',
            chainId: beta.chainId,
            address: betaMarket.pool,
            startBlock: betaMarket.startBlock,
          },
        ],
      },
      dir: join(directory, 'index'),
      schemaPrefix: 'iyi_index',
      viewsSchema: 'iyi_index',
      port: await freePort(),
      onDeepReorg: (chainId, reason) => {
        toldByIndexer.push(chainId)
        events.halt(chainId, reason)
      },
    },
    { ...common, guard: { watch: () => {}, release: () => {} } },
  )
  await supervisor.start()
  return {
    events,
    halts,
    supervisor,
    toldByIndexer,
    async stop() {
      await supervisor.stop(AbortSignal.timeout(6_000))
      await events.stop()
      await index.stop()
      await chain.stop()
      await lock.release()
    },
  }
}

async function swapsOnChain({ client }: Anvil, market: Market, upTo?: bigint): Promise<string[]> {
  const toBlock = upTo === undefined ? {} : { toBlock: upTo }
  const logs = await client.getLogs({ address: market.pool, event: swapEvent, fromBlock: 0n, ...toBlock })
  return logs.map(({ blockNumber }) => `${blockNumber}/pool.Swap`)
}

const heard = (fold: Fold) =>
  fold.heard
    .filter(({ chainId }) => chainId === alpha.chainId)
    .map(({ stage, blockNumber }) => `${stage} ${blockNumber}`)

describe('real chains, a real indexer and the event log', () => {
  it('tell of a swap that a reorganisation moved into another block', async () => {
    await until('the backfill', 60_000, async () => node.supervisor.health().status === 'ok')
    const block = await trade(alpha, alphaMarket, true, 10n ** 17n)
    await until('seen', 20_000, async () => heard(folds.seen).length === 1)
    await alpha.client.request({ method: 'anvil_reorg', params: [1, []] } as never)
    await alpha.client.mine({ blocks: 1 })
    await until('reverted', 20_000, async () => heard(folds.seen).length === 2)
    const again = await trade(alpha, alphaMarket, true, 10n ** 17n)
    await alpha.client.mine({ blocks: 2 })
    await until('seen again', 20_000, async () => heard(folds.seen).length === 3)
    await until('confirmed', 20_000, async () => heard(folds.confirmed).length === 1)
    expect(again).toBeGreaterThan(block)
    expect(heard(folds.seen)).toEqual([`seen ${block}`, `reverted ${block}`, `seen ${again}`])
    expect(heard(folds.confirmed)).toEqual([`confirmed ${again}`])
    expect(node.events.health()).toEqual({ status: 'ok' })
  })

  it('halt the chain whose final blocks are gone; one command, and all end with the chain', {
    timeout: 240_000,
  }, async () => {
    const kept = await swapsOnChain(alpha, alphaMarket)
    const snapshot = await alpha.client.snapshot()
    const lost = [
      await trade(alpha, alphaMarket, true, 10n ** 17n),
      await trade(alpha, alphaMarket, false, 10n ** 8n),
    ]
    await alpha.client.mine({ blocks: finality + 4 })
    await until(
      'final',
      60_000,
      async () => folds.final.of(alpha.chainId).length === kept.length + lost.length,
    )

    await alpha.client.revert({ id: snapshot })
    await alpha.client.mine({ blocks: 1 })
    await trade(alpha, alphaMarket, false, 3n * 10n ** 8n)
    await alpha.client.mine({ blocks: finality + 9 })
    const found = await until('the halt', 60_000, async () => node.halts.list()[0])
    expect(found).toMatchObject({ chainId: alpha.chainId, cause: 'deep-reorg' })
    expect(node.events.health()).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining(`iyi index recover --chain ${alpha.chainId}`),
    })
    await until('Ponder says so too', 60_000, async () => node.toldByIndexer.includes(alpha.chainId))
    expect(node.supervisor.health()).toMatchObject({ status: 'failed' })
    const told = heard(folds.seen).length

    // The command refuses beside a running node, which holds the lock.
    const config = await configFile()
    const recover = () => iyi('index', 'recover', '--config', config, '--chain', `${alpha.chainId}`)
    expect((await recover()).code).toBe(75)
    await node.stop()
    await fillCache()
    // Two swaps, and a `Sync` before each.
    const { code, stdout } = await recover()
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('; 4 events are reverted') })

    expect(await cached()).toEqual({
      intervals: [`${alpha.chainId} {[0,${ancestorOf(stdout) + 1n}]}`, `${beta.chainId} {[0,900]}`],
      results: [`${alpha.chainId} 1`, `${beta.chainId} 900`],
    })

    node = await startNode()
    const wanted = await swapsOnChain(alpha, alphaMarket)
    for (const stage of stages) {
      await until(`${stage} is the chain`, 90_000, async () => {
        const finalBlock = (await alpha.client.getBlockNumber()) - BigInt(finality)
        const want = stage === 'final' ? await swapsOnChain(alpha, alphaMarket, finalBlock) : wanted
        return folds[stage].of(alpha.chainId).join() === want.join()
      })
    }
    expect(wanted).toHaveLength(kept.length + 1)
    expect(heard(folds.seen).slice(told, told + 2)).toEqual(
      lost.toReversed().map((block) => `reverted ${block}`),
    )
    expect(node.halts.list()).toEqual([])
    expect(node.events.health()).toEqual({ status: 'ok' })
    const other = await trade(beta, betaMarket, true, 10n ** 17n)
    await until('the other chain', 30_000, async () =>
      folds.seen.of(beta.chainId).includes(`${other}/pool.Swap`),
    )
  })
})

const ancestorOf = (stdout: string) => BigInt(/block (\d+)/.exec(stdout)?.[1] ?? '-1')

/** As Ponder's cache is where a chain is not on this machine: up to block 899, of both chains. */
async function fillCache(): Promise<void> {
  for (const { chainId } of [alpha, beta]) {
    await database.query(
      `insert into ponder_sync.intervals (fragment_id, chain_id, blocks)
       values ($1, $2, nummultirange(numrange(0, 900, '[]')))`,
      [`fragment-${chainId}`, chainId],
    )
    await database.query(
      `insert into ponder_sync.rpc_request_results (request_hash, chain_id, block_number, result)
       values ('below', $1, 1, '0x'), ('above', $1, 900, '0x'), ('immutable', $1, null, '0x')`,
      [chainId],
    )
  }
}

async function cached() {
  const intervals = await database.query(
    'select chain_id, blocks::text from ponder_sync.intervals order by chain_id',
  )
  const results = await database.query(
    'select chain_id, max(block_number) as newest from ponder_sync.rpc_request_results group by 1 order by 1',
  )
  return {
    intervals: intervals.map((row) => `${row.chain_id} ${row.blocks}`),
    results: results.map((row) => `${row.chain_id} ${row.newest}`),
  }
}

async function configFile(): Promise<string> {
  const path = join(directory, 'iyi.yaml')
  const url = new URL(postgres.url)
  await writeFile(join(directory, 'password'), decodeURIComponent(url.password), { mode: 0o600 })
  url.password = ''
  await writeFile(
    path,
    stringify({
      name: 'deep',
      dataDir: directory,
      chains: chains(),
      database: { mode: 'external', url: url.href, passwordFile: './password', schema },
    }),
  )
  return path
}

async function iyi(...args: readonly string[]): Promise<{ code: number; stdout: string }> {
  const program = join(repository, 'node', 'main.ts')
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...args])
    return { code: 0, stdout }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? Number(error.code) : -1
    return { code, stdout: error instanceof Error && 'stderr' in error ? String(error.stderr) : '' }
  }
}
