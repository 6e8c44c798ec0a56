import type { Pool, PoolClient } from 'pg'
import type { BuildState } from '../../ports/index-builds.ts'
import { lockBuilds, readBuilds, setLineage, setState } from './build-store.ts'
import { IndexError } from './errors.ts'
import { inTransaction } from './transaction.ts'

/**
 * After all tables, in this order. The tables go as they were made, which is how Ponder locks them and readers read them, so
 * that neither side waits for the other in a circle.
 */
const LAST = ['_ponder_meta', '_ponder_checkpoint']

/** A long query on a view must not make everybody else wait behind the flip: it gives up, and is tried again. */
const LOCK_MS = 2_000

/**
 * Points all views at another build, in one transaction: whoever reads sees all of the one or all of the other, and a
 * crash in the middle leaves the old one. A transaction that is reading ends first. What others made in that schema stays,
 * and so do rights on a view whose columns are the same.
 *
 * @param options.previous what the build becomes that was live so far
 * @throws IndexError `INDEX_NO_BUILD`; PostgreSQL's own error 55P03 when somebody reads for longer than 2 s
 */
export async function flipViews(
  pool: Pool,
  options: {
    readonly viewsSchema: string
    readonly to: string
    readonly previous: Extract<BuildState, 'kept' | 'rolled-back'>
    readonly note: string | null
    /** Of the new build; its own when absent. */
    readonly lineage?: string
  },
): Promise<void> {
  const { viewsSchema, to, previous, note, lineage } = options
  await inTransaction(pool, async (client) => {
    await client.query(`set local lock_timeout = ${LOCK_MS}`)
    await lockBuilds(client, viewsSchema)
    const builds = await readBuilds(client, viewsSchema)
    if (!builds.some(({ schema }) => schema === to)) throw noBuild(to)
    const live = builds.find(({ state }) => state === 'live')
    if (live?.schema === to) return
    const tables = await tablesOf(client, to)
    if (!tables.includes('_ponder_meta')) throw noBuild(to)
    const columns = await columnsOf(client, to)
    const shown = await viewsOf(client, viewsSchema)
    for (const { name, columns: before } of shown)
      if (before !== columns.get(name) && (await isOurs(client, name, live?.schema ?? to)))
        await client.query(`drop view "${viewsSchema}"."${name}"`)
    for (const table of tables)
      await client.query(
        `create or replace view "${viewsSchema}"."${table}" as select * from "${to}"."${table}"`,
      )
    if (live !== undefined)
      await setState(client, viewsSchema, { schema: live.schema, state: previous, note })
    if (lineage !== undefined) await setLineage(client, viewsSchema, { schema: to, lineage })
    await setState(client, viewsSchema, { schema: to, state: 'live', note: null })
  })
}

/** In the order in which they were made. */
async function tablesOf(client: PoolClient, schema: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p') and c.relname not like '\\_reorg\\_\\_%' order by c.oid`,
    [schema],
  )
  const names = rows.map(({ name }) => name)
  return [...names.filter((name) => !LAST.includes(name)), ...LAST.filter((name) => names.includes(name))]
}

async function viewsOf(
  client: PoolClient,
  schema: string,
): Promise<readonly { readonly name: string; readonly columns: string | undefined }[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind = 'v' order by c.oid`,
    [schema],
  )
  const columns = await columnsOf(client, schema)
  return rows.map(({ name }) => ({ name, columns: columns.get(name) }))
}

/** Names and types of each table's columns, as one text. */
async function columnsOf(client: PoolClient, schema: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ name: string; columns: string }>(
    `select table_name as name, string_agg(column_name || ' ' || udt_name, ',' order by ordinal_position) as columns
     from information_schema.columns where table_schema = $1 group by table_name`,
    [schema],
  )
  return new Map(rows.map(({ name, columns }) => [name, columns]))
}

/** Somebody else may keep views of his own beside ours. */
async function isOurs(client: PoolClient, name: string, live: string): Promise<boolean> {
  return (await tablesOf(client, live)).includes(name)
}

function noBuild(schema: string): IndexError {
  return new IndexError(
    'INDEX_NO_BUILD',
    `There is no build ${schema} of the index. Take one that \`iyi db builds\` lists.`,
    { data: { schema } },
  )
}
