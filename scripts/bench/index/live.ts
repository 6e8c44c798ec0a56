import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { gateway } from '../../../node/adapters/hono/gateway.ts'
import type { NodeView } from '../../../node/adapters/hono/node-view.ts'
import { pinoLogger } from '../../../node/adapters/pino/pino-logger.ts'
import { customIndex } from '../../../node/adapters/ponder/custom-reader.ts'
import { ponderIndexReader } from '../../../node/adapters/ponder/index-reader.ts'
import { ponderSupervisor } from '../../../node/adapters/ponder/supervisor.ts'
import { openDatabase } from '../../../node/adapters/postgres/database.ts'
import { eventLog } from '../../../node/adapters/postgres/event-log.ts'
import { prometheusMetrics } from '../../../node/adapters/prometheus/prometheus-metrics.ts'
import { viemChainReader } from '../../../node/adapters/viem/chain-reader.ts'
import { chainPools } from '../../../node/adapters/viem/pools.ts'
import { type CustomContract, customTables } from '../../../node/ports/custom-tables.ts'
import { chainHalts } from '../../../node/trust/halts.ts'
import { type Anvil, freePort, startAnvil, startPostgres } from '../../../test/adapters/ponder/fixture.ts'
import { PROJECT_ROOT } from '../../artifacts.ts'
import { type Figure, percentile } from '../figure.ts'
import { contractOf, figure } from './figures.ts'
import { deployToken, type Token, transfers } from './history.ts'

const SAMPLES = 40
const VIEWS = 'bench_index'
/** How often row and API are asked: the resolution of the figures. */
const LOOK_MS = 4
const READY_MS = 120_000
const RPC_MS = 10_000

interface Chain {
  readonly anvil: Anvil
  readonly token: Token
  readonly contract: CustomContract
  readonly blockMs: number
}

/**
 * Two chains at once, one with a block a second and one with four. From the moment a chain shows a block with transfers
 * to the moment its rows are in the table, to the moment that a consumer of the event log hears of the first of them as seen,
 * and to the moment that the HTTP API answers with them.
 */
export async function liveBenchmarks(): Promise<readonly Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'iyi-bench-live-'))
  const [postgres, slow, fast] = await Promise.all([startPostgres(), startAnvil(31_337), startAnvil(31_338)])
  const stops: (() => Promise<unknown>)[] = [() => Promise.all([slow.stop(), fast.stop(), postgres.stop()])]
  try {
    const chains = await Promise.all([prepared(slow, 'slow', 1_000), prepared(fast, 'fast', 250)])
    const pool = new pg.Pool({ connectionString: postgres.url, max: 8 })
    pool.on('error', () => {})
    stops.push(() => pool.end())
    const url = await served({ chains, directory, databaseUrl: postgres.url }, stops)
    const heard = await followed({ chains, pool, databaseUrl: postgres.url }, stops)
    const measured = await Promise.all(chains.map((chain) => measure(chain, { pool, url, heard })))
    return chains.flatMap(({ blockMs }, at) => {
      const { row = [], event = [], api = [] } = measured[at] ?? {}
      const of = (name: string, values: readonly number[], p: number) =>
        figure(`index.live.${name}.blocks_${blockMs}ms.p${p * 100}_ms`, percentile(values, p), {
          ...{ unit: 'ms', baseline: 'the time between blocks', baselineValue: blockMs },
        })
      return [
        ...[of('block_to_row', row, 0.5), of('block_to_row', row, 0.99)],
        ...[of('block_to_event', event, 0.5), of('block_to_event', event, 0.99)],
        ...[of('block_to_api', api, 0.5), of('block_to_api', api, 0.99)],
      ]
    })
  } finally {
    for (const stop of stops.reverse()) await stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function prepared(anvil: Anvil, name: string, blockMs: number): Promise<Chain> {
  const token = await deployToken(anvil)
  return { anvil, token, blockMs, contract: { ...contractOf(token, anvil.chainId, name), eventLog: true } }
}

const common = () => ({
  ...{ clock: systemClock, metrics: prometheusMetrics() },
  log: pinoLogger({ level: 'error', format: 'json', destination: process.stderr }),
})

/** The node's own event log over that index, with a consumer. Resolves with the newest block it heard of, by chain. */
async function followed(
  { chains, pool, databaseUrl }: { chains: readonly Chain[]; pool: pg.Pool; databaseUrl: string },
  stops: (() => Promise<unknown>)[],
): Promise<ReadonlyMap<number, bigint>> {
  const modules = common()
  const { signal } = new AbortController()
  const database = await openDatabase(
    { url: databaseUrl, schema: 'bench_node', applicationName: 'bench', signal },
    modules,
  )
  stops.push(() => database.close())
  const entries = chains.map(({ anvil, contract }) => ({
    ...{ id: anvil.chainId, name: contract.name, rpc: [anvil.url], confirmations: 1, headPollMs: 100 },
    finality: { depth: 30 },
  }))
  const pools = chainPools({ chains: entries, timeoutMs: RPC_MS }, modules)
  const chain = viemChainReader({ chains: entries, timeoutMs: RPC_MS }, { pools, ...modules })
  await chain.start()
  stops.push(() => chain.stop())
  const index = ponderIndexReader({ viewsSchema: VIEWS, headPollMs: 100 }, { pool, chain, ...modules })
  await index.start()
  stops.push(() => index.stop())
  const halts = chainHalts(modules)
  const events = eventLog({}, { database, index, chains: chain, halts, ...modules })
  await events.start()
  stops.push(() => events.stop())
  const heard = new Map<number, bigint>()
  const names = chains.map(({ contract }) => `custom.${contract.name}.Transfer`)
  await events.subscribe({ consumer: 'bench', names, from: 'now', stage: 'seen' }, async (event) => {
    heard.set(event.chainId, event.blockNumber)
  })
  return heard
}

/** The node's own indexer and API over these chains. Resolves once both are there. */
async function served(
  of: { chains: readonly Chain[]; directory: string; databaseUrl: string },
  stops: (() => Promise<unknown>)[],
): Promise<string> {
  const { chains, directory, databaseUrl } = of
  const modules = common()
  const custom = chains.map(({ contract }) => contract)
  const supervisor = ponderSupervisor(
    {
      root: join(PROJECT_ROOT, 'indexer'),
      ...{ databaseUrl, dir: directory, schemaPrefix: VIEWS, viewsSchema: VIEWS, port: await freePort() },
      config: {
        chains: chains.map(({ anvil, contract }) => ({
          ...{ id: anvil.chainId, name: contract.name, rpc: [anvil.url], pollingIntervalMs: 100 },
        })),
        ...{ contracts: [], custom },
      },
    },
    { ...modules, guard: { watch: () => {}, release: () => {} } },
  )
  await supervisor.start()
  stops.push(() => supervisor.stop(AbortSignal.timeout(5_000)))
  const index = customIndex({ viewsSchema: VIEWS, tables: custom.flatMap(customTables), databaseUrl })
  stops.push(() => index.close())
  // Nothing but freshness is asked of it here.
  const node = { freshness: async () => [] } as unknown as NodeView
  const api = gateway(
    { host: '127.0.0.1', port: 0, corsOrigins: [], maxBodyBytes: 10_000, version: '0' },
    { ...modules, node, custom: index, alerts: { list: async () => [] } },
  )
  const { url } = await api.listen()
  stops.push(() => api.close(AbortSignal.abort()))
  for (const began = performance.now(); supervisor.health().status !== 'ok'; await rest(50))
    if (performance.now() - began > READY_MS) throw new TypeError('the index is not ready in time')
  return url
}

async function measure(
  { anvil, token, contract, blockMs }: Chain,
  { pool, url, heard }: { pool: pg.Pool; url: string; heard: ReadonlyMap<number, bigint> },
): Promise<{ row: readonly number[]; event: readonly number[]; api: readonly number[] }> {
  const row: number[] = []
  const event: number[] = []
  const api: number[] = []
  for (let i = 0; i < SAMPLES; i++) {
    const next = performance.now() + blockMs
    const block = await transfers(anvil, token, 10, 1_000_000 + i)
    const arrived = performance.now()
    const until = async (is: () => Promise<boolean>, into: number[]) => {
      while (!(await is())) await rest(LOOK_MS)
      into.push(performance.now() - arrived)
    }
    await Promise.all([
      until(async () => {
        const { rows } = await pool.query<{ there: boolean }>(
          `select exists (select from "${VIEWS}"."custom_${contract.name}_transfer" where block_number = $1) as there`,
          [block.toString()],
        )
        return rows[0]?.there === true
      }, row),
      until(async () => (heard.get(anvil.chainId) ?? 0n) >= block, event),
      until(async () => {
        const answer = await fetch(`${url}/v1/index/${contract.name}/Transfer?blockNumber=${block}&limit=1`)
        const { data } = (await answer.json()) as { data?: readonly unknown[] }
        return data !== undefined && data.length > 0
      }, api),
    ])
    await rest(Math.max(0, next - performance.now()))
  }
  return { row, event, api }
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
