import type { Database } from './database.ts'
import { type Keep, moveKept } from './series-kept.ts'
import { dropPartition, listPartitions, lockSeriesSql, type Partition } from './series-partitions.ts'

/** So many rows of series that are no more go in one statement. */
const STEP = 5_000
/** So many partitions go at once, each in a transaction of its own. */
const MOST_PARTITIONS = 32

/**
 * Moves what is kept behind the final time of the chain that is the farthest behind, and drops the partitions that lie before.
 * Their number, by kind; what is left comes with the next call.
 */
export async function prunePartitions(database: Database, keep: Keep): Promise<readonly Partition[]> {
  const kept = await moveKept(database, keep)
  if (kept === null) return []
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
