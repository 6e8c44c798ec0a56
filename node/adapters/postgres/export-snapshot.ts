import pg from 'pg'
import type { ExportFilter, ExportRow, ExportSnapshot, ExportTable } from '../../ports/export.ts'
import type { Database } from './database.ts'
import { DatabaseError } from './errors.ts'
import { sqlState } from './failures.ts'

/** Rows that one answer of the cursor brings. */
const PAGE = 2_000
/** How often it is looked whether somebody waits for the export; twice in a row ends it. */
const LOOK_MS = 1_000

/**
 * Hands `work` the rows of a table from a server-side cursor, all of one moment (REPEATABLE READ), on a connection of its
 * own without the pool's limits of time. A transaction that reads for long can be in the way of the indexer, which locks
 * its tables to take rows back, and of the change to another build; whoever waits then makes all others wait. So the export
 * gives way: it ends with `EXPORT_IN_THE_WAY` (retry).
 *
 * Rejects with DatabaseError: `EXPORT_NOT_YET` when the tables are not there, `DATABASE_UNAVAILABLE` (retry).
 */
export async function withExportSnapshot<T>(
  database: Database,
  options: { readonly table: ExportTable; readonly filter: ExportFilter; readonly signal: AbortSignal },
  work: (snapshot: ExportSnapshot) => Promise<T>,
): Promise<T> {
  const { table, filter, signal } = options
  const client = new pg.Client({
    connectionString: database.url,
    application_name: `${database.applicationName} export`,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  client.on('error', () => {})
  let ended: unknown = null
  let backend: Backend | null = null
  let ending: Promise<void> | null = null
  const end = (reason: unknown) => {
    ended ??= reason
    void client.end().catch(() => {})
    if (backend !== null) ending ??= terminate(database, backend)
  }
  const onAbort = () => end(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  let looking: NodeJS.Timeout | null = null
  try {
    await client.connect()
    signal.throwIfAborted()
    const { rows: [own] = [] } = await client.query<Backend>(
      'select pid, backend_start::text as started from pg_stat_activity where pid = pg_backend_pid()',
    )
    backend = own ?? null
    // A server in the midst of a sort sees by this alone that nobody is there any more. Not every system has it.
    await client.query(`set client_connection_check_interval = '1s'`).catch(() => {})
    signal.throwIfAborted()
    let waited = 0
    looking = setInterval(() => {
      void isWaitedFor(database, own?.pid ?? 0).then((waiting) => {
        waited = waiting ? waited + 1 : 0
        if (waited >= 2) end(inTheWay(table.name))
      })
    }, LOOK_MS)
    await client.query('begin isolation level repeatable read, read only')
    // The rows' relation is locked first, as the indexer itself and all readers of its tables do.
    await client.query(cursorSql(table, filter))
    const blocks = await client.query<unknown[]>({ text: table.blocks.sql, rowMode: 'array' })
    const places = blocks.rows.map((row) => table.blocks.read(row)).filter((place) => place !== null)
    return await work({
      blocks: new Map(
        places
          .filter(({ chainId }) => filter.chainId === null || chainId === filter.chainId)
          .map(({ chainId, block }) => [chainId, block]),
      ),
      rows: pages(client),
    })
  } catch (error) {
    throw ended ?? meaningOf(error, table.name)
  } finally {
    signal.removeEventListener('abort', onAbort)
    if (looking !== null) clearInterval(looking)
    // A reader's transaction has nothing to undo.
    await client.end().catch(() => {})
    await ending
  }
}

/** A process of the server; its number alone may be another one's later. */
interface Backend {
  readonly pid: number
  readonly started: string
}

/** The server works on after its client went, with all its locks, until it next has something to send. */
async function terminate(database: Database, { pid, started }: Backend): Promise<void> {
  try {
    await database.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2::timestamptz',
      [pid, started],
    )
  } catch {
    // The database is away, or is being closed: the server looks by itself.
  }
}

async function* pages(client: pg.Client): AsyncGenerator<readonly ExportRow[]> {
  for (;;) {
    const { rows } = await client.query({ text: `fetch ${PAGE} from export`, rowMode: 'array' })
    if (rows.length === 0) return
    yield rows as unknown as readonly ExportRow[]
  }
}

function cursorSql({ columns, from, chain, block, order }: ExportTable, filter: ExportFilter): string {
  // Numbers alone: a cursor's declaration takes no parameters of the protocol.
  const conditions = [
    ...(filter.chainId === null ? [] : [`${chain} = ${BigInt(filter.chainId)}`]),
    ...(filter.fromBlock === null ? [] : [`${block} >= ${filter.fromBlock}`]),
    ...(filter.toBlock === null ? [] : [`${block} <= ${filter.toBlock}`]),
  ]
  const list = columns.map(({ sql, type }) => (type === 'bool' ? sql : `(${sql})::text`))
  return [
    `declare export no scroll cursor for select ${list.join(', ')} from ${from}`,
    ...(conditions.length === 0 ? [] : [`where ${conditions.join(' and ')}`]),
    `order by ${order.join(', ')}`,
  ].join(' ')
}

/** Whether somebody waits for a lock that this connection holds. */
async function isWaitedFor(database: Database, pid: number): Promise<boolean> {
  try {
    const [row] = await database.query(
      'select exists (select from pg_locks where not granted and $1::integer = any(pg_blocking_pids(pid))) as waiting',
      [pid],
    )
    return row?.waiting === true
  } catch {
    return false
  }
}

function inTheWay(name: string): DatabaseError {
  return new DatabaseError(
    'EXPORT_IN_THE_WAY',
    `The export of ${name} gave way to the index, which changes its tables. Run it again, with fewer blocks if it happens again.`,
    { data: { name }, retry: true },
  )
}

/** No such schema, table or column. */
const NOT_YET = new Set(['3F000', '42P01', '42703'])

function meaningOf(cause: unknown, name: string): unknown {
  const state = sqlState(cause)
  if (NOT_YET.has(state)) {
    return new DatabaseError(
      'EXPORT_NOT_YET',
      `There is no ${name} in this database yet. Run the node until its index is ready, then try again.`,
      { data: { name, sqlState: state }, cause },
    )
  }
  if (!(cause instanceof Error) || state === '' || !/^[0-9A-Z]{5}$|^E[A-Z]+$/.test(state)) return cause
  return new DatabaseError(
    'DATABASE_UNAVAILABLE',
    `The database broke off while ${name} was read (${state}). Try again.`,
    {
      data: { name, reason: state },
      retry: true,
      cause,
    },
  )
}
