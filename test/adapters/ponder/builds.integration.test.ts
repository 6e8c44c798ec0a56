import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { IndexError } from '../../../node/adapters/ponder/errors.ts'
import { ponderIndexReader } from '../../../node/adapters/ponder/index-reader.ts'
import type { IndexerConfig } from '../../../node/adapters/ponder/indexer-config.ts'
import { listBuilds, rollBack } from '../../../node/adapters/ponder/roll-back.ts'
import { type PonderSupervisor, ponderSupervisor } from '../../../node/adapters/ponder/supervisor.ts'
import type { Hex } from '../../../node/ports/chain.ts'
import {
  type Anvil,
  deployMarket,
  freePort,
  type Market,
  type Postgres,
  repository,
  startAnvil,
  startPostgres,
  testPool,
  trade,
  until,
} from './fixture.ts'
import { recordingLogger, recordingMetrics } from './recorders.ts'

const VIEWS = 'iyi_index'

let postgres: Postgres
let pool: pg.Pool
let directory: string
let anvil: Anvil
let first: Market
let second: Market
let port: number
let reader: ReturnType<typeof ponderIndexReader>
const log = recordingLogger()
const metrics = recordingMetrics()
const running: PonderSupervisor[] = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iyi-builds-'))
  ;[postgres, anvil, port] = await Promise.all([startPostgres(), startAnvil(31337), freePort()])
  pool = testPool({ connectionString: postgres.url, max: 4 })
  const chain = {
    chains: () => [{ id: anvil.chainId, name: 'anvil', confirmations: 0 }],
    head: () => Promise.reject(new Error('not asked')),
    finalized: () => Promise.reject(new Error('not asked')),
  }
  reader = ponderIndexReader(
    { viewsSchema: VIEWS, headPollMs: 60_000 },
    { pool, chain, clock: systemClock, log, metrics },
  )
  first = await deployMarket(anvil)
  second = await deployMarket(anvil)
  for (let i = 0; i < 3; i++) {
    await trade(anvil, first, true, 10n ** 18n)
    await trade(anvil, second, true, 10n ** 18n)
  }
  // Beyond Ponder's finality: what comes after a restart is read anew, what is this old is not.
  await anvil.client.mine({ blocks: 64 })
}, 30_000)

afterAll(async () => {
  await reader?.stop()
  for (const supervisor of running) await supervisor.stop(AbortSignal.timeout(6_000))
  await pool?.end()
  await Promise.all([anvil?.stop(), postgres?.stop()])
  await rm(directory, { recursive: true, force: true })
}, 20_000)

async function supervise(markets: readonly Market[]): Promise<PonderSupervisor> {
  const config: IndexerConfig = {
    chains: [{ id: anvil.chainId, name: 'anvil', rpc: [anvil.url], pollingIntervalMs: 100 }],
    contracts: markets.map(({ pool: address, startBlock }) => ({
      ...{ kind: 'pool', chainId: anvil.chainId, address, startBlock },
    })),
  }
  const supervisor = ponderSupervisor(
    {
      ...{ root: join(repository, 'indexer'), databaseUrl: postgres.url, config, dir: directory, port },
      ...{ schemaPrefix: 'iyi', viewsSchema: VIEWS },
    },
    { clock: systemClock, log, metrics, guard: { watch: () => {}, release: () => {} } },
  )
  await supervisor.start()
  running.push(supervisor)
  return supervisor
}

const stop = (supervisor: PonderSupervisor) => supervisor.stop(AbortSignal.timeout(6_000))

/** `<state> <schema>` of every build, as `iyi db builds` has them. */
async function states(): Promise<ReadonlyMap<string, string>> {
  return new Map((await listBuilds(pool, { viewsSchema: VIEWS })).map(({ schema, state }) => [schema, state]))
}

async function isLive(schema: string): Promise<void> {
  await until(`${schema} is live`, 120_000, async () => (await states()).get(schema) === 'live')
}

/** The port that the newest process of a build was told to listen on (Linux). */
function portOf(schema: string): number {
  const started = log.lines.findLast(
    ({ message, fields }) =>
      message === 'Start the indexer' && 'schema' in fields && fields.schema === schema,
  )
  const pid = started !== undefined && 'pid' in started.fields ? started.fields.pid : 'none'
  const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  return Number(args[args.indexOf('--port') + 1])
}

/** Swaps of a pool, as the views show them. */
async function swaps(of: Hex): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    `select count(*)::int as n from "${VIEWS}"."pool_swap" where pool = $1`,
    [of.toLowerCase()],
  )
  return rows[0]?.n ?? 0
}

/** The same through the node's own reader; null while the block is not indexed. */
async function completeSwaps(of: Hex, block: bigint): Promise<number | null> {
  const query = {
    table: 'poolSwap',
    where: [{ column: 'pool', op: '=', value: of }],
    complete: { chainId: anvil.chainId, block },
  } as const
  try {
    await reader.waitFor(anvil.chainId, block, 1_000)
    return (await reader.select(query)).length
  } catch (error) {
    if (error instanceof IndexError && error.code === 'INDEX_BEHIND') return null
    throw error
  }
}

async function shows(of: Hex, count: number): Promise<void> {
  await until(`${count} swaps of ${of}`, 45_000, async () => (await swaps(of)) === count)
}

describe('builds of the index', { timeout: 240_000 }, () => {
  const schemas: string[] = []

  it('the first one is read when it is ready, and nobody else may keep the same views', async () => {
    const supervisor = await supervise([first])
    schemas.push(supervisor.schema)
    expect(supervisor.health().status).toBe('degraded')
    await isLive(supervisor.schema)
    await shows(first.pool, 3)
    await until('it knows', 5_000, async () => supervisor.health().status === 'ok')
    await expect(supervise([first, second])).rejects.toMatchObject({ code: 'INDEX_MANAGED_ELSEWHERE' })
    await stop(supervisor)
  })

  it('another one is made beside it, which goes on and is read, and takes over in one step', async () => {
    const supervisor = await supervise([first, second])
    const [old = ''] = schemas
    schemas.push(supervisor.schema)
    expect(await states()).toEqual(
      new Map([
        [old, 'live'],
        [supervisor.schema, 'building'],
      ]),
    )
    // Ponder would try the configured port as well, and may end with EADDRINUSE again and again.
    const used = [portOf(old), portOf(supervisor.schema)]
    expect(used).toEqual([port, expect.any(Number)])
    expect(used[1]).not.toBe(port)
    await trade(anvil, first, true, 10n ** 17n)
    // Whatever moment a reader comes at: what is complete never becomes less, and no build's rows come with another's
    // positions.
    let trades = 4
    let answers = 0
    for (let flipped = false; !flipped; flipped = (await states()).get(supervisor.schema) === 'live') {
      const block = await trade(anvil, first, true, 10n ** 15n)
      trades++
      const rows = await completeSwaps(first.pool, block)
      if (rows === null) continue
      answers++
      expect(rows).toBe(trades)
    }
    expect(answers).toBeGreaterThan(0)
    await shows(second.pool, 3)
    expect(JSON.stringify(log.lines)).not.toContain('EADDRINUSE')
    expect(log.lines.map(({ message }) => message)).toContain('Read another build of the index from now on')
    expect((await states()).get(old)).toBe('kept')
    const { rows } = await pool.query<{ live: number }>(
      `select count(*)::int as live from "${VIEWS}"."_iyi_build" where state = 'live'`,
    )
    expect(rows).toEqual([{ live: 1 }])
    await stop(supervisor)
  })

  it('an operator goes back; the old one goes on, and the other is not built again by itself', async () => {
    const [old = '', young = ''] = schemas
    const supervisor = await supervise([first, second])
    expect(await rollBack(pool, { viewsSchema: VIEWS, to: null })).toEqual({ from: young, to: old })
    expect(await swaps(second.pool)).toBe(0)
    const before = await swaps(first.pool)
    await trade(anvil, first, true, 10n ** 15n)
    await until('the old one goes on', 60_000, async () => (await swaps(first.pool)) > before)
    await until('it says so', 30_000, async () => {
      const health = supervisor.health()
      return health.status !== 'ok' && health.reason.includes(young)
    })
    await stop(supervisor)

    const again = await supervise([first, second])
    expect((await states()).get(young)).toBe('rolled-back')
    await expect(rollBack(pool, { viewsSchema: VIEWS, to: 'iyi_none' })).rejects.toMatchObject({
      code: 'INDEX_NO_BUILD',
    })
    await rollBack(pool, { viewsSchema: VIEWS, to: young })
    await shows(second.pool, 3)
    await stop(again)
  })

  it('one that differs where nothing changed is refused, and says where', async () => {
    const [, live = ''] = schemas
    // Without Ponder's own triggers, as a defect of a program would.
    const client = await pool.connect()
    await client.query('set session_replication_role = replica')
    await client.query(`update "${live}"."pool_swap" set amount0_in = amount0_in + 1 where pool = $1`, [
      second.pool.toLowerCase(),
    ])
    client.release(true)
    const supervisor = await supervise([second])
    schemas.push(supervisor.schema)
    await until('refused', 90_000, async () => (await states()).get(supervisor.schema) === 'refused')
    expect((await states()).get(live)).toBe('live')
    await until('it says so', 30_000, async () => {
      const health = supervisor.health()
      return health.status !== 'ok' && health.reason.includes('pool_swap')
    })
    const told = log.lines.find(({ message }) => message.startsWith('Refuse a build'))
    expect(told?.fields).toMatchObject({ different: [{ table: 'pool_swap', chainId: anvil.chainId }] })
    // An operator who knows why takes it all the same.
    await rollBack(pool, { viewsSchema: VIEWS, to: supervisor.schema })
    expect(await swaps(first.pool)).toBe(0)
    await stop(supervisor)
  })

  it('what nobody goes back to is dropped, tables and files; what was left by rollback can be gone back to', async () => {
    const [oldest = '', left = '', live = ''] = schemas
    const supervisor = await supervise([second])
    await until('dropped', 20_000, async () => !(await states()).has(oldest))
    expect(await states()).toEqual(
      new Map([
        [left, 'rolled-back'],
        [live, 'live'],
      ]),
    )
    const { rows } = await pool.query(`select nspname as name from pg_namespace where nspname = any($1)`, [
      [oldest, left],
    ])
    expect(rows).toEqual([{ name: left }])
    await until('files', 5_000, async () => !existsSync(join(directory, oldest)))
    expect(existsSync(join(directory, live))).toBe(true)
    await stop(supervisor)
  })

  it('a build that was interrupted is gone on with', async () => {
    const supervisor = await supervise([first])
    await stop(supervisor)
    expect((await states()).get(supervisor.schema)).toBe('building')
    const again = await supervise([first])
    expect(again.schema).toBe(supervisor.schema)
    await isLive(again.schema)
    expect(await swaps(first.pool)).toBeGreaterThan(3)
    expect(await swaps(second.pool)).toBe(0)
    await stop(again)
  })
})
