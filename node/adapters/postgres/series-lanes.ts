import type pg from 'pg'
import type { FillSource } from '../../ports/series-source.ts'
import type { Database } from './database.ts'

/** A place in the list of notices that some series of a chain have reached. */
export interface Lane {
  readonly id: bigint
  readonly main: boolean
  /** Notices up to this one were gone through. */
  readonly seq: bigint
  /** Up to here the list is history: of an event that was dropped by then nothing is taken. */
  readonly until: bigint
}

/** A series as the engine works on it. */
export interface Series {
  readonly key: bigint
  readonly id: string
  readonly lane: bigint
  /** Lower case; of a pool. */
  readonly address: string | null
  /** Null for a pool. */
  readonly source: FillSource | null
}

/** What a chain's engine follows. */
export interface ChainSeries {
  readonly lanes: readonly Lane[]
  readonly series: readonly Series[]
}

const poolDefinition = 'pool'

export const poolSeriesId = (chainId: number, address: string): string =>
  `pool-${chainId}-${address.toLowerCase()}`

/** The same text: the same trades. */
function definitionOf({ chainId, contracts, event, fields }: FillSource): string {
  const of =
    'addresses' in contracts
      ? contracts.addresses.map((address) => address.toLowerCase()).toSorted()
      : { ...contracts.factory, address: contracts.factory.address.toLowerCase() }
  return JSON.stringify({ chainId, of, event, fields })
}

/** Null where it is of several. */
function addressOf({ contracts }: FillSource): string | null {
  const [first = null, ...more] = 'addresses' in contracts ? contracts.addresses : []
  return more.length === 0 ? first : null
}

const newestSql = 'coalesce((select max(seq) from event_notice where chain_id = $1), 0)'

/**
 * Makes the series of a chain those that are configured. One that is new, or that is made of something else than before, is
 * made from the beginning of the log, in a lane of its own beside the others.
 */
export async function configureSeries(
  database: Database,
  { chainId, sources }: { chainId: number; sources: readonly FillSource[] },
): Promise<void> {
  await database.transaction(async (client) => {
    await client.query(
      `insert into series_lane (chain_id, main, seq, until_seq) values ($1, true, 0, ${newestSql})
         on conflict (chain_id) where main do nothing`,
      [chainId],
    )
    const { rows } = await client.query<{ key: bigint; id: string; definition: string }>(
      `select key, id, definition from series where chain_id = $1 and source = 'event' and not gone`,
      [chainId],
    )
    const wanted = sources.filter((source) => source.chainId === chainId)
    const stays = (row: (typeof rows)[number]) =>
      wanted.some((source) => source.id === row.id && definitionOf(source) === row.definition)
    await retire(
      client,
      rows.filter((row) => !stays(row)).map(({ key }) => key),
    )
    const added = wanted.filter((source) => !rows.some((row) => row.id === source.id && stays(row)))
    if (added.length === 0) return
    // Of an id that moved to another chain, too.
    await client.query('update series set gone = true, lane = null where id = any($1) and not gone', [
      added.map(({ id }) => id),
    ])
    const lane = await freshLane(client, chainId)
    await client.query(
      `insert into series (id, chain_id, address, source, definition, lane)
         select id, $1, address, 'event', definition, $2 from unnest($3::text[], $4::text[], $5::text[])
           as row (id, address, definition)`,
      [chainId, lane.toString(), added.map(({ id }) => id), added.map(addressOf), added.map(definitionOf)],
    )
  })
}

export async function readChainSeries(
  database: Database,
  { chainId, sources }: { chainId: number; sources: readonly FillSource[] },
): Promise<ChainSeries> {
  const [lanes = [], series = []] = await database.batch([
    {
      sql: 'select id, main, seq, until_seq from series_lane where chain_id = $1 order by not main, id',
      params: [chainId],
    },
    {
      sql: 'select key, id, address, source, lane from series where chain_id = $1 and not gone',
      params: [chainId],
    },
  ])
  return {
    lanes: lanes.map((row) => ({
      id: BigInt(String(row.id)),
      main: row.main === true,
      seq: BigInt(String(row.seq)),
      until: BigInt(String(row.until_seq)),
    })),
    series: series.map((row) => ({
      key: BigInt(String(row.key)),
      id: String(row.id),
      lane: BigInt(String(row.lane)),
      address: row.address === null ? null : String(row.address),
      source: row.source === 'event' ? (sources.find(({ id }) => id === row.id) ?? null) : null,
    })),
  }
}

/** Series of pools that were seen for the first time, in the main lane. */
export function addPools(
  database: Database,
  pools: { chainId: number; lane: bigint; addresses: readonly string[] },
): Promise<readonly Series[]> {
  return database.transaction((client) => insertPools(client, pools))
}

async function insertPools(
  client: pg.PoolClient,
  { chainId, lane, addresses }: { chainId: number; lane: bigint; addresses: readonly string[] },
): Promise<readonly Series[]> {
  const { rows } = await client.query<Record<string, unknown>>(
    `insert into series (id, chain_id, address, source, definition, lane)
       select id, $1, address, 'pool', '${poolDefinition}', $2 from unnest($3::text[], $4::text[]) as row (id, address)
       on conflict (id) where not gone do update set chain_id = excluded.chain_id
       returning key, id, address, lane`,
    [chainId, lane.toString(), addresses.map((address) => poolSeriesId(chainId, address)), addresses],
  )
  return rows.map((row) => ({
    key: BigInt(String(row.key)),
    id: String(row.id),
    lane: BigInt(String(row.lane)),
    address: String(row.address),
    source: null,
  }))
}

/**
 * Puts series that are told of old trades, and pools that were just seen, into a lane of their own, at the main one's place:
 * what the main lane calls final stays as it is. False, and nothing changes, where somebody else moved the main lane.
 */
export async function holdBack(
  database: Database,
  options: {
    readonly chainId: number
    readonly main: Lane
    readonly keys: Iterable<bigint>
    readonly addresses: readonly string[]
  },
): Promise<boolean> {
  const { chainId, main, keys, addresses } = options
  return database.transaction(async (client) => {
    const place = [chainId, main.seq.toString(), main.until.toString()]
    const { rowCount } = await client.query('select from series_lane where id = $1 and seq = $2 for update', [
      main.id.toString(),
      main.seq.toString(),
    ])
    if (rowCount !== 1) return false
    const { rows } = await client.query<{ id: bigint }>(
      `with there as (
         select id from series_lane where chain_id = $1 and not main and seq = $2 and until_seq = $3 order by id limit 1
       ), added as (
         insert into series_lane (chain_id, main, seq, until_seq) select $1, false, $2, $3
           where not exists (select from there) returning id)
       select id from there union all select id from added`,
      place,
    )
    const [lane] = rows
    if (lane === undefined) throw new TypeError('no lane was made')
    await client.query('update series set lane = $1 where key = any($2::bigint[]) and lane = $3', [
      lane.id.toString(),
      [...keys].map(String),
      main.id.toString(),
    ])
    await insertPools(client, { chainId, lane: lane.id, addresses })
    return true
  })
}

/** Lets series be made anew from the beginning of the log, under the same ids; what they were goes. */
export async function beginAnew(
  client: pg.PoolClient,
  chainId: number,
  keys: readonly bigint[],
): Promise<void> {
  if (keys.length === 0) return
  await retire(client, keys)
  const lane = await freshLane(client, chainId)
  await client.query(
    `insert into series (id, chain_id, address, source, definition, lane)
       select id, chain_id, address, source, definition, $1 from series where key = any($2::bigint[])`,
    [lane.toString(), keys.map(String)],
  )
}

/** The series of a lane that caught up go on in the main one. */
export async function joinMain(client: pg.PoolClient, lane: Lane, main: Lane): Promise<void> {
  await client.query('update series set lane = $1 where lane = $2', [main.id.toString(), lane.id.toString()])
  await client.query('delete from series_lane where id = $1', [lane.id.toString()])
}

/** What they were made of is deleted bit by bit (series-prune.ts). */
async function retire(client: pg.PoolClient, keys: readonly bigint[]): Promise<void> {
  await client.query('update series set gone = true, lane = null where key = any($1::bigint[])', [
    keys.map(String),
  ])
}

/** A lane at the beginning of the log: the main one while it is there itself. */
async function freshLane(client: pg.PoolClient, chainId: number): Promise<bigint> {
  const { rows } = await client.query<{ id: bigint }>(
    `with main as (select id from series_lane where chain_id = $1 and main and seq = 0), added as (
       insert into series_lane (chain_id, main, seq, until_seq) select $1, false, 0, ${newestSql}
         where not exists (select from main) returning id)
     select id from main union all select id from added`,
    [chainId],
  )
  const [lane] = rows
  if (lane === undefined) throw new TypeError('no lane was made')
  return lane.id
}
