import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { buildFolder } from '../../../node/adapters/ponder/build-folder.ts'
import { installedPonder, spawnPonder } from '../../../node/adapters/ponder/child.ts'
import type { CustomContract } from '../../../node/ports/custom-tables.ts'
import type { Logger } from '../../../node/ports/log.ts'
import { type Anvil, freePort } from '../../../test/adapters/ponder/fixture.ts'
import { PROJECT_ROOT } from '../../artifacts.ts'
import type { History } from './history.ts'

/** From the start of the program until it is ready and every row is there. */
export interface Backfill {
  readonly seconds: number
  /** Highest resident memory of the process, MiB. */
  readonly peakMiB: number
}

const READY_MS = 900_000
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }

interface Given {
  readonly anvil: Anvil
  readonly history: History
  readonly databaseUrl: string
  readonly directory: string
}

/** Bare Ponder with its defaults. */
export async function bareBackfill({ anvil, history, databaseUrl, directory }: Given): Promise<Backfill> {
  const schema = 'bench_bare'
  const child = spawn(
    process.execPath,
    [
      ...[installedPonder().program, '--root', join(PROJECT_ROOT, 'scripts', 'bench', 'index', 'bare')],
      ...['--log-format', 'json', 'start', '--schema', schema],
      ...['--hostname', '127.0.0.1', '--port', String(await freePort())],
    ],
    {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        ...{ PONDER_TELEMETRY_DISABLED: 'true', DATABASE_URL: databaseUrl },
        ...{ BENCH_RPC_URL: anvil.url, ...sourceOf(history) },
      },
    },
  )
  return untilReady(child, { databaseUrl, count: `"${schema}"."transfer"`, schema, events: history.events })
}

function sourceOf({ source }: History): Record<string, string> {
  return 'token' in source ? { BENCH_TOKEN: source.token } : { BENCH_FACTORY: source.factory }
}

/** The node's own program and settings, as it runs them for an operator's contract. */
export async function ownBackfill(
  { anvil, history, databaseUrl, directory }: Given,
  contract: CustomContract,
): Promise<Backfill> {
  const schema = 'bench_own'
  const folder = buildFolder({
    ...{ dir: directory, schema, ours: schema, root: join(PROJECT_ROOT, 'indexer') },
    config: {
      chains: [{ id: anvil.chainId, name: 'anvil', rpc: [anvil.url], pollingIntervalMs: 100 }],
      ...{ contracts: [], custom: [contract] },
    },
  })
  if (folder === null) throw new TypeError('the program of the build is not there')
  const child = spawnPonder(
    { ...folder, databaseUrl, schema, port: await freePort() },
    { log: silent, clean: (value) => value, seen: () => {} },
  )
  const count = `"${schema}"."custom_${contract.name}_transfer"`
  return untilReady(child, { databaseUrl, count, schema, events: history.events })
}

async function untilReady(
  child: ChildProcess,
  of: { databaseUrl: string; count: string; schema: string; events: number },
): Promise<Backfill> {
  const began = performance.now()
  const client = new pg.Client({ connectionString: of.databaseUrl })
  await client.connect()
  try {
    // Ready is said before the newest blocks, which are not final, are in the table.
    for (let rows = 0; rows < of.events; ) {
      const { exitCode, signalCode } = child
      if (exitCode !== null || signalCode !== null)
        throw new TypeError(`the indexer ended with ${exitCode ?? signalCode}`)
      if (performance.now() - began > READY_MS) throw new TypeError(`${rows} of ${of.events} rows in time`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      rows = await ready(client, of)
    }
    const seconds = (performance.now() - began) / 1000
    return { seconds, peakMiB: peakOf(child) }
  } finally {
    await client.end()
    const exit = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await exit
  }
}

/** Rows that are there; 0 before the indexer calls itself ready. */
async function ready(
  client: pg.Client,
  { schema, count }: { schema: string; count: string },
): Promise<number> {
  const meta = `select value->>'is_ready' as ready from "${schema}"."_ponder_meta"`
  const { rows } = await client.query<{ ready: string }>(meta).catch(() => ({ rows: [] }))
  if (rows[0]?.ready !== '1') return 0
  const counted = await client.query<{ n: number }>(`select count(*)::int as n from ${count}`)
  return counted.rows[0]?.n ?? 0
}

function peakOf({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024
}
