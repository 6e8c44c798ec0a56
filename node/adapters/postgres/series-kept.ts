import type pg from 'pg'
import type { SeriesRetention } from '../../ports/series-source.ts'
import type { Database } from './database.ts'
import { type Kept, kinds, wantedSince } from './series-kinds.ts'
import { lockSeriesSql } from './series-partitions.ts'

/** What is kept behind which chains. */
export interface Keep {
  /** All of them: the one that is the farthest behind counts. */
  readonly chains: readonly number[]
  readonly retention: SeriesRetention
}

export async function readKept(client: Pick<pg.PoolClient, 'query'>): Promise<Kept> {
  const { rows } = await client.query<{ kind: number; since: bigint }>('select kind, since from series_kept')
  return new Map(rows.map(({ kind, since }) => [kind, Number(since)]))
}

/**
 * The chain that keeps what others would drop: it is behind them by more than the shortest time that anything is kept.
 * Null where there is none.
 */
export async function heldUpBy(
  database: Pick<Database, 'query'>,
  { chains, retention }: Keep,
): Promise<{ readonly chainId: number; readonly behindSeconds: number } | null> {
  const shortest = Object.values(retention).reduce<number>(
    (least, seconds) => Math.min(least, seconds ?? least),
    Number.MAX_SAFE_INTEGER,
  )
  const [row] = await database.query(
    `select chain_id, max(final_time) over () - final_time as behind from series_lane lane
       where main and chain_id = any($1) and final_time is not null
         and exists (select from series where series.chain_id = lane.chain_id and not gone)
       order by final_time, chain_id limit 1`,
    [chains],
  )
  if (row === undefined || Number(row.behind) <= shortest) return null
  return { chainId: Number(row.chain_id), behindSeconds: Number(row.behind) }
}

/**
 * Moves what is kept behind the final time of the chain that is the farthest behind. Since when each kind is kept then; null
 * while a chain's final time is not known: that one is still at its beginning.
 *
 * @param ahead a chain that is about to be at this final time: what it adds need not be made only to be dropped
 */
export async function moveKept(
  database: Database,
  { chains, retention }: Keep,
  ahead: { readonly chainId: number; readonly finalTime: number } | null = null,
): Promise<Kept | null> {
  const [row] = await database.query(
    `select min(final) as final, bool_or(final is null) as unknown from (
       select case when chain_id = $2::bigint then greatest(final_time, $3::bigint) else final_time end as final from series_lane lane
         where main and chain_id = any($1)
           and exists (select from series where series.chain_id = lane.chain_id and not gone)) chain`,
    [chains, ahead?.chainId ?? null, ahead?.finalTime ?? null],
  )
  if (row?.final == null || row.unknown === true) return null
  const finalTime = Number(row.final)
  return database.transaction(async (client) => {
    const before = await readKept(client)
    const moved = kinds
      .map((kind) => ({
        id: kind.id,
        since: wantedSince(kind, retention[kind.name], finalTime, before.get(kind.id) ?? 0),
      }))
      .filter(({ id, since }) => since > (before.get(id) ?? 0))
    if (moved.length === 0) return before
    await client.query(lockSeriesSql, [database.schema])
    await client.query(
      `update series_kept set since = greatest(series_kept.since, row.since)
         from unnest($1::integer[], $2::bigint[]) as row (kind, since) where series_kept.kind = row.kind`,
      [moved.map(({ id }) => id), moved.map(({ since }) => since)],
    )
    return new Map([...before, ...moved.map(({ id, since }) => [id, since] as const)])
  })
}
