import type pg from 'pg'
import type { Database } from './database.ts'
import type { Batch } from './series-batch.ts'
import { type CandleRow, foldTrades, type Trade } from './series-fold.ts'
import { readKept } from './series-kept.ts'
import { candleKinds, canMakeAnew, type Kept, type Kind, keptSince, tradeKind } from './series-kinds.ts'
import { beginAnew, joinMain, type Lane } from './series-lanes.ts'
import { makePartitions, type Partition, type Partitions, shareSeriesSql } from './series-partitions.ts'
import { deleteTradesSql, insertTradesSql, joinCandlesSql, makeAnewSql } from './series-sql.ts'

/** What a batch changed. */
export interface Written {
  readonly trades: number
  readonly candles: number
  readonly dropped: number
  /** Series that are made from the beginning again: what a change of them would need is gone. */
  readonly anew: readonly bigint[]
}

/**
 * Moves a lane over a batch with all that changes by it, in one transaction: so each notice counts once, wherever the
 * process ends. Nothing changes where somebody else moved the lane (`taken`), and where the batch needs more new partitions
 * than one transaction may make (`wide`).
 */
export async function writeBatch(
  database: Database,
  options: {
    readonly chainId: number
    readonly lane: Lane
    readonly batch: Batch
    /** Of a lane that is there now: the main one. */
    readonly join: Lane | null
    /** So many partitions are made at most. */
    readonly mostPartitions: number
  },
  { partitions }: { readonly partitions: Partitions },
): Promise<Written | 'taken' | 'wide'> {
  const { chainId, lane, batch, join, mostPartitions } = options
  const made: Partition[] = []
  const written = await database.transaction(async (client): Promise<Written | 'taken' | 'wide'> => {
    await client.query(shareSeriesSql, [database.schema])
    const kept = await readKept(client)
    const anew = new Set(
      batch.dropped.filter(({ time }) => !canMakeAnew(time, kept)).map(({ series }) => series),
    )
    const stays = ({ series }: Trade) => !anew.has(series)
    const added = batch.added.filter(stays)
    const dropped = batch.dropped.filter(stays)
    const trades = added.filter(({ time }) => time >= keptSince(kept, tradeKind))
    const candles = foldTrades(added).filter(({ width, start }) => start >= keptSince(kept, kindOf(width)))
    // Before any row is locked.
    made.push(...partitions.missing(placesOf(trades, candles)))
    if (!(await makePartitions(client, database.schema, { partitions: made, most: mostPartitions })))
      return 'wide'
    if (!(await moveLane(client, lane, batch))) return 'taken'
    await dropTrades(client, dropped, kept)
    await addTrades(client, trades, candles)
    await beginAnew(client, chainId, [...anew])
    if (join !== null) await joinMain(client, lane, join)
    return { trades: added.length, candles: candles.length, dropped: dropped.length, anew: [...anew] }
  })
  if (written !== 'wide') partitions.learn(made)
  return written
}

/** With a trade that was dropped, the times that it stood for are not reached any more. */
async function moveLane(client: pg.PoolClient, lane: Lane, batch: Batch): Promise<boolean> {
  const back = batch.dropped.reduce<number | null>(
    (first, { time }) => (first === null || time <= first ? time - 1 : first),
    null,
  )
  // A full batch ends anywhere in a second.
  const known = batch.newest === null ? null : batch.newest - 1
  const { rowCount } = await client.query(
    `update series_lane set seq = $2,
            known_until = least(greatest(known_until, $4::bigint), $3::bigint),
            final_time = least(greatest(final_time, $5::bigint), $3::bigint)
       where id = $1 and seq = $6`,
    [lane.id.toString(), batch.seq.toString(), back, known, batch.newestFinal, lane.seq.toString()],
  )
  return rowCount === 1
}

async function dropTrades(client: pg.PoolClient, trades: readonly Trade[], kept: Kept): Promise<void> {
  if (trades.length === 0) return
  await client.query(deleteTradesSql, [
    listOf(trades, ({ series }) => series),
    listOf(trades, ({ time }) => time),
    listOf(trades, ({ eventId }) => eventId),
  ])
  let finer = tradeKind
  for (const kind of candleKinds) {
    const touched = trades
      .map(({ series, time }) => ({ series, start: time - (time % kind.id) }))
      .filter(({ start }) => start >= keptSince(kept, kind))
    if (touched.length > 0)
      await client.query(makeAnewSql(kind, finer), [
        listOf(touched, ({ series }) => series),
        listOf(touched, ({ start }) => start),
      ])
    finer = kind
  }
}

async function addTrades(
  client: pg.PoolClient,
  trades: readonly Trade[],
  candles: readonly CandleRow[],
): Promise<void> {
  if (trades.length > 0)
    await client.query(insertTradesSql, [
      listOf(trades, ({ series }) => series),
      listOf(trades, ({ time }) => time),
      listOf(trades, ({ eventId }) => eventId),
      listOf(trades, ({ block }) => block),
      listOf(trades, ({ logIndex }) => logIndex),
      listOf(trades, ({ base }) => base),
      listOf(trades, ({ quote }) => quote),
      listOf(trades, ({ price }) => price),
    ])
  if (candles.length > 0)
    await client.query(joinCandlesSql, [
      listOf(candles, ({ series }) => series),
      listOf(candles, ({ width }) => width),
      listOf(candles, ({ start }) => start),
      listOf(candles, ({ open }) => open),
      listOf(candles, ({ high }) => high),
      listOf(candles, ({ low }) => low),
      listOf(candles, ({ close }) => close),
      listOf(candles, ({ base }) => base),
      listOf(candles, ({ quote }) => quote),
      listOf(candles, (candle) => candle.trades),
      listOf(candles, ({ first }) => first.block),
      listOf(candles, ({ first }) => first.logIndex),
      listOf(candles, ({ last }) => last.block),
      listOf(candles, ({ last }) => last.logIndex),
    ])
}

/** A list of numbers as PostgreSQL writes it: the driver would put each into quotes. */
function listOf<T>(rows: readonly T[], of: (row: T) => bigint | number): string {
  return `{${rows.map(of).join(',')}}`
}

function placesOf(
  trades: readonly Trade[],
  candles: readonly CandleRow[],
): readonly (readonly [Kind, number])[] {
  return [
    ...trades.map(({ time }) => [tradeKind, time] as const),
    ...candles.map(({ width, start }) => [kindOf(width), start] as const),
  ]
}

function kindOf(width: number): Kind {
  const found = candleKinds.find(({ id }) => id === width)
  if (found === undefined) throw new RangeError(`no candles are ${width} s wide`)
  return found
}
