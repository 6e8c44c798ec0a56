import type { SeriesRetention } from '../../ports/series-source.ts'
import type { Database } from './database.ts'
import { kinds, wantedSince } from './series-kinds.ts'
import { dropPartition, listPartitions, lockSeriesSql, type Partition } from './series-partitions.ts'
import { readKept } from './series-write.ts'

/** So many rows of series that are no more go in one statement. */
const STEP = 5_000
/** So many partitions go at once, each in a transaction of its own. */
const MOST_PARTITIONS = 32

/**
 * Moves what is kept behind the final time of the chain that is the farthest behind, and drops the partitions that lie before.
 * Their number, by kind; what is left comes with the next call.
 */
export async function prunePartitions(
  database: Database,
  { chains, retention }: { readonly chains: readonly number[]; readonly retention: SeriesRetention },
): Promise<readonly Partition[]> {
  const [row] = await database.query(
    `select min(final_time) as final, bool_or(final_time is null) as unknown from series_lane lane
       where main and chain_id = any($1) and exists (select from series where series.chain_id = lane.chain_id and not gone)`,
    [chains],
  )
  // A chain whose final time is not known is still at its beginning.
  if (row?.final == null || row.unknown === true) return []
  const finalTime = Number(row.final)
  const kept = await database.transaction(async (client) => {
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
  const old = (await listPartitions(database)).filter(
    ({ kind, start }) => start + kind.partition <= (kept.get(kind.id) ?? 0),
  )
  const dropped: Partition[] = []
  for (const partition of old.slice(0, MOST_PARTITIONS)) {
    const done = await database.transaction(async (client) => {
      await client.query(lockSeriesSql, [database.schema])
      return dropPartition(client, partition)
    })
    if (done) dropped.push(partition)
  }
  return dropped
}

/** Deletes a part of what belonged to series that are no more; true when there is nothing left of them. */
export async function pruneGone(database: Database): Promise<boolean> {
  const [row] = await database.query('select key from series where gone order by key limit 1')
  if (row === undefined) return true
  const key = String(row.key)
  const deleted = await database.query(
    `with trade as (
       delete from series_trade where (series, "time", event_id) in (
         select series, "time", event_id from series_trade where series = $1 limit ${STEP}) returning 1
     ), candle as (
       delete from series_candle where (series, start, width) in (
         select series, start, width from series_candle where series = $1 limit ${STEP}) returning 1
     )
     select 1 from trade union all select 1 from candle limit 1`,
    [key],
  )
  if (deleted.length === 0) await database.query('delete from series where key = $1 and gone', [key])
  return false
}
