import type { Pool, PoolClient } from 'pg'
import type { BuildState } from '../../ports/index-builds.ts'
import { lockBuilds, readBuilds, setLineage, setState } from './build-store.ts'
import { IndexError } from './errors.ts'

/** After all tables, in this order: readers take their locks so, and neither side then waits for the other in a circle. */
const LAST = ['watermark', '_ponder_meta', '_ponder_checkpoint']

/**
 * Points all views at another build, in one transaction: whoever reads sees all of the one or all of the other, and a
 * crash in the middle leaves the old one. A transaction that is reading ends first.
 *
 * @param options.previous what the build becomes that was live so far
 * @throws IndexError `INDEX_NO_BUILD`
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
    await lockBuilds(client, viewsSchema)
    const builds = await readBuilds(client, viewsSchema)
    if (!builds.some(({ schema }) => schema === to)) throw noBuild(to)
    const live = builds.find(({ state }) => state === 'live')
    if (live?.schema === to) return
    const tables = await tablesOf(client, to)
    if (!tables.includes('_ponder_meta')) throw noBuild(to)
    for (const view of inOrder(await viewsOf(client, viewsSchema)))
      await client.query(`drop view "${viewsSchema}"."${view}"`)
    for (const table of inOrder(tables))
      await client.query(`create view "${viewsSchema}"."${table}" as select * from "${to}"."${table}"`)
    if (live !== undefined)
      await setState(client, viewsSchema, { schema: live.schema, state: previous, note })
    if (lineage !== undefined) await setLineage(client, viewsSchema, { schema: to, lineage })
    await setState(client, viewsSchema, { schema: to, state: 'live', note: null })
  })
}

async function tablesOf(client: PoolClient, schema: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p') and c.relname not like '\\_reorg\\_\\_%'`,
    [schema],
  )
  return rows.map(({ name }) => name)
}

async function viewsOf(client: PoolClient, schema: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    'select viewname as name from pg_views where schemaname = $1',
    [schema],
  )
  return rows.map(({ name }) => name)
}

function inOrder(names: readonly string[]): readonly string[] {
  const last = LAST.filter((name) => names.includes(name))
  return [...names.filter((name) => !LAST.includes(name)).sort(), ...last]
}

export async function inTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  begin = 'begin',
): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query(begin)
    const value = await work(client)
    await client.query('commit')
    client.release()
    return value
  } catch (error) {
    const clean = await client.query('rollback').then(
      () => true,
      () => false,
    )
    client.release(!clean)
    throw error
  }
}

function noBuild(schema: string): IndexError {
  return new IndexError(
    'INDEX_NO_BUILD',
    `There is no build ${schema} of the index. Take one that \`iyi db builds\` lists.`,
    { data: { schema } },
  )
}
