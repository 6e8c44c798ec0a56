import type { Pool, PoolClient } from 'pg'
import type { BuildState, IndexBuild } from '../../ports/index-builds.ts'
import { IndexError } from './errors.ts'
import { inTransaction } from './transaction.ts'

/** A contract as one build followed it. */
export interface BuiltContract {
  readonly kind: string
  readonly chainId: number
  /** Lower case; the name of an operator's own, whose addresses may be a factory's. */
  readonly address: string
  readonly startBlock: number
  /** Hash of all code that made its rows, and which chain of that id they are of. */
  readonly program: string
  /** Of an operator's own: tables that hold nothing else. */
  readonly tables?: readonly string[]
}

export interface StoredBuild extends IndexBuild {
  /**
   * The first of a row of builds that were compared and found equal: what was checked of the one holds for the other.
   */
  readonly lineage: string
  readonly contracts: readonly BuiltContract[]
}

/** In the schema of the views, which only we write: who reads the index finds there what it is made of. */
const table = (viewsSchema: string) => `"${viewsSchema}"."_iyi_build"`

/** Makes the schema of the views and the list of builds. */
export async function createBuildList(pool: Pool, viewsSchema: string): Promise<void> {
  await pool.query(`create schema if not exists "${viewsSchema}"`)
  await pool.query(`
    create table if not exists ${table(viewsSchema)} (
      schema text primary key,
      state text not null,
      contracts json not null,
      lineage text not null,
      progress double precision,
      seconds_left double precision,
      created_at timestamptz not null default now(),
      live_at timestamptz,
      note text
    )`)
  // Whatever goes wrong, two builds are never live.
  await pool.query(
    `create unique index if not exists _iyi_build_live on ${table(viewsSchema)} (state) where state = 'live'`,
  )
}

/** Oldest first; empty where no indexer has ever run. Rejects with `INDEX_UNAVAILABLE` (retry). */
export async function readBuilds(
  client: Pool | PoolClient,
  viewsSchema: string,
): Promise<readonly StoredBuild[]> {
  try {
    const { rows } = await client.query<Record<string, unknown>>(
      `select schema, state, contracts::text, lineage, progress, seconds_left, note,
              extract(epoch from created_at) * 1000 as created_ms, extract(epoch from live_at) * 1000 as live_ms
       from ${table(viewsSchema)} order by created_at, schema`,
    )
    return rows.map(buildOf)
  } catch (cause) {
    const state = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (state === '42P01' || state === '3F000') return []
    throw new IndexError(
      'INDEX_UNAVAILABLE',
      'The database does not tell which builds of the index it has.',
      {
        data: { viewsSchema },
        retry: true,
        cause,
      },
    )
  }
}

function buildOf(row: Record<string, unknown>): StoredBuild {
  const number = (value: unknown) => (value === null ? null : Number(value))
  return {
    schema: String(row.schema),
    state: String(row.state) as BuildState,
    contracts: JSON.parse(String(row.contracts)) as BuiltContract[],
    lineage: String(row.lineage),
    progress: number(row.progress),
    secondsLeft: number(row.seconds_left),
    createdAt: Math.round(Number(row.created_ms)),
    liveAt: row.live_ms === null ? null : Math.round(Number(row.live_ms)),
    note: row.note === null ? null : String(row.note),
  }
}

/** A new build, or one that was given up before and is wanted again. One that an operator went back from stays so. */
export async function addBuild(
  pool: Pool,
  viewsSchema: string,
  build: { readonly schema: string; readonly contracts: readonly BuiltContract[] },
): Promise<void> {
  await pool.query(
    `insert into ${table(viewsSchema)} as known (schema, state, contracts, lineage) values ($1, 'building', $2, $1)
     on conflict (schema) do update set state = 'building', note = null where known.state = 'kept'`,
    [build.schema, JSON.stringify(build.contracts)],
  )
}

export async function noteProgress(
  pool: Pool,
  viewsSchema: string,
  { schema, progress, secondsLeft }: Pick<IndexBuild, 'schema' | 'progress' | 'secondsLeft'>,
): Promise<void> {
  await pool.query(`update ${table(viewsSchema)} set progress = $2, seconds_left = $3 where schema = $1`, [
    schema,
    progress,
    secondsLeft,
  ])
}

export async function setState(
  client: Pool | PoolClient,
  viewsSchema: string,
  { schema, state, note }: Pick<IndexBuild, 'schema' | 'state' | 'note'>,
): Promise<void> {
  await client.query(
    `update ${table(viewsSchema)} set state = $2, note = $3,
       live_at = case when $2 = 'live' then now() else live_at end,
       progress = case when $2 = 'live' then 1 else progress end,
       seconds_left = case when $2 = 'live' then null else seconds_left end
     where schema = $1`,
    [schema, state, note],
  )
}

/** The new build says all that the one before said. */
export async function setLineage(
  client: PoolClient,
  viewsSchema: string,
  { schema, lineage }: { readonly schema: string; readonly lineage: string },
): Promise<void> {
  await client.query(`update ${table(viewsSchema)} set lineage = $2 where schema = $1`, [schema, lineage])
}

/** The build that is live; null where there is none, or no list of builds. */
export async function liveBuild(pool: Pool, viewsSchema: string): Promise<StoredBuild | null> {
  const builds = await readBuilds(pool, viewsSchema)
  return builds.find(({ state }) => state === 'live') ?? null
}

/** Holds the list for the rest of the transaction: one flip at a time, whoever asks for it. */
export async function lockBuilds(client: PoolClient, viewsSchema: string): Promise<void> {
  await client.query(`lock table ${table(viewsSchema)} in share row exclusive mode`)
}

/** A build that is still being made is refused. One that an operator made live meanwhile stays. */
export async function refuseBuild(
  pool: Pool,
  viewsSchema: string,
  { schema, note }: { readonly schema: string; readonly note: string },
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await lockBuilds(client, viewsSchema)
    const builds = await readBuilds(client, viewsSchema)
    const state = builds.find((build) => build.schema === schema)?.state
    if (state === 'building') await setState(client, viewsSchema, { schema, state: 'refused', note })
  })
}

/**
 * Drops a build's tables and forgets it, unless somebody has begun to read it meanwhile. Ponder must not run on it. False
 * when it was left.
 */
export async function dropBuild(pool: Pool, viewsSchema: string, schema: string): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    await lockBuilds(client, viewsSchema)
    const { rowCount } = await client.query(
      `delete from ${table(viewsSchema)} where schema = $1 and state <> 'live'`,
      [schema],
    )
    if (rowCount !== 1) return false
    await client.query(`drop schema if exists "${schema}" cascade`)
    return true
  })
}
