import type { Address } from '../../ports/chain.ts'
import {
  type Candle,
  candleIntervals,
  candleSeconds,
  type RollingWindow,
  type SeriesInfo,
  type SeriesReader,
} from '../../ports/series.ts'
import { SeriesError } from '../../ports/series-error.ts'
import type { Database } from './database.ts'
import { DatabaseError } from './errors.ts'
import { candleKinds, type Kind } from './series-kinds.ts'
import { type RollingRange, rollingRange } from './series-rolling.ts'

interface Found {
  readonly key: bigint
  readonly finalTime: number
  readonly knownUntil: number | null
}

type Row = Readonly<Record<string, unknown>>

const MAX_TIME = 2 ** 53 - 1

/** Reads the candles that `seriesEngine` makes. */
export function seriesReader({ database }: { readonly database: Pick<Database, 'query'> }): SeriesReader {
  const query = (sql: string, params: readonly unknown[]) => asSeriesError(() => database.query(sql, params))

  return {
    list: async (page) => {
      const rows = await query(
        `select id, chain_id, address, source from series where not gone and id collate "C" > $1
           order by id collate "C" limit $2`,
        [page?.after ?? '', page?.limit ?? null],
      )
      return rows.map(
        (row): SeriesInfo => ({
          id: String(row.id),
          chainId: Number(row.chain_id),
          address: row.address === null ? null : (String(row.address) as Address),
          source: row.source === 'pool' ? 'pool' : 'event',
        }),
      )
    },
    candles: async ({ series, interval, from = 0, to = MAX_TIME, limit }) => {
      const kind = candleKinds.find(({ name }) => name === interval)
      if (kind === undefined)
        throw bad(`There are no candles of ${interval}. Use one of ${candleIntervals.join(', ')}.`)
      if (!Number.isInteger(limit) || limit < 1 || limit > 1_000)
        throw bad('A limit is an integer from 1 to 1,000.')
      if (!isTime(from) || !isTime(to)) throw bad('Times are whole seconds since 1970, not before.')
      // One statement: of one moment.
      const rows = await query(
        `select ${foundColumns}, candle.* from ${foundTables}
           left join lateral (
             select start, open, high, low, close, base, quote, trades from ${kind.table}
               where series = series.key and start >= $2 and start < $3 and start >= ${sinceSql(kind)}
               order by start desc limit $4) candle on lane.main
           where ${isFound} order by candle.start desc`,
        [series, from, to, limit],
      )
      const { finalTime, knownUntil } = foundIn(rows, series)
      const candles = rows.filter(({ start }) => start !== null)
      return { candles: candles.map((row) => candleOf(row, kind, finalTime)), knownUntil }
    },
    rolling: async ({ series, windowSeconds, until }) => {
      if (!Number.isSafeInteger(windowSeconds) || windowSeconds < 1)
        throw bad('A window is a whole number of seconds, 1 or more.')
      if (until !== undefined && !isTime(until)) throw bad('Times are whole seconds since 1970, not before.')
      for (;;) {
        const found = foundIn(
          await query(`select ${foundColumns} from ${foundTables} where ${isFound}`, [series]),
          series,
        )
        const end = until ?? found.knownUntil
        if (end === null)
          throw new SeriesError(
            'SERIES_UNAVAILABLE',
            'The time of the chain is not known yet. Ask again in a while, or say until when.',
            { data: { series }, retry: true },
          )
        const kept = await query('select kind, since from series_kept', [])
        const range = rollingRange(
          { windowSeconds, until: end },
          new Map(kept.map((row) => [Number(row.kind), Number(row.since)])),
        )
        if (range === null)
          throw bad(
            'The window begins before what is kept, or is longer than 3,600 days. Ask for a shorter one.',
          )
        const [row] = await query(rollingSql(range.kind), [found.key.toString(), range.from, range.until])
        // Unless these were just being dropped, or the series is made anew since it was found.
        if (row?.is_there === true && Number(row.since) <= range.from) return windowOf(row, range)
      }
    },
    knownUntil: async (chainId) => {
      const [row] = await query('select known_until from series_lane where chain_id = $1 and main', [chainId])
      return row?.known_until == null ? null : Number(row.known_until)
    },
  }
}

const foundColumns = 'series.key, lane.main, lane.final_time, lane.known_until'
const foundTables = 'series join series_lane lane on lane.id = series.lane'
/** $1 id. */
const isFound = 'series.id = $1 and not series.gone'

const sinceSql = ({ id }: Kind) => `(select since from series_kept where kind = ${id})`

/** $1 series, $2 first second, $3 last second. */
const rollingSql = (kind: Kind) => `
  with candle as (
    select *, ln(nullif(close, 0)::float8) - ln(nullif(lag(close) over (order by start), 0)::float8) as change
      from ${kind.table} where series = $1 and start >= $2 and start <= $3
  )
  select (array_agg(open order by start))[1] as open, max(high) as high, min(low) as low,
         (array_agg(close order by start desc))[1] as close, sum(base) as base, sum(quote) as quote,
         sum(trades) as trades, stddev_samp(change) as deviation, ${sinceSql(kind)} as since,
         exists (select from ${foundTables} where series.key = $1 and not series.gone and lane.main) as is_there
    from candle`

/** What there is to say of a series. */
function foundIn([row]: readonly Row[], series: string): Found {
  if (row === undefined)
    throw new SeriesError('SERIES_UNKNOWN', `There is no series "${series}". GET /v1/series lists them.`, {
      data: { series },
    })
  if (row.main !== true)
    throw new SeriesError(
      'SERIES_UNAVAILABLE',
      `The series "${series}" is being made from the event log. Ask again in a while.`,
      { data: { series }, retry: true },
    )
  return {
    key: BigInt(String(row.key)),
    finalTime: row.final_time === null ? -1 : Number(row.final_time),
    knownUntil: row.known_until === null ? null : Number(row.known_until),
  }
}

function candleOf(row: Row, { id: width }: Kind, finalTime: number): Candle {
  const start = Number(row.start)
  return {
    ...{ start, final: start + width <= finalTime },
    ...{ open: integer(row.open), high: integer(row.high), low: integer(row.low) },
    ...{ close: integer(row.close), volumeBase: integer(row.base), volumeQuote: integer(row.quote) },
    trades: Number(row.trades),
  }
}

function windowOf(row: Row, { kind, from, until }: RollingRange): RollingWindow {
  const price = (value: unknown) => (value == null ? null : integer(value))
  const volumeBase = price(row.base) ?? 0n
  const volumeQuote = price(row.quote) ?? 0n
  const of = candleIntervals.find((interval) => candleSeconds[interval] === kind.id) ?? '1s'
  return {
    ...{ from, until, of, volumeBase, volumeQuote },
    ...{ open: price(row.open), high: price(row.high), low: price(row.low), close: price(row.close) },
    vwap: volumeBase === 0n ? null : (volumeQuote * 10n ** 18n) / volumeBase,
    trades: Number(row.trades ?? 0),
    deviation: row.deviation == null ? null : Number(row.deviation),
  }
}

const integer = (value: unknown) => BigInt(String(value))
const isTime = (value: number) => Number.isSafeInteger(value) && value >= 0

function bad(message: string): SeriesError {
  return new SeriesError('SERIES_BAD_QUERY', message, { data: {} })
}

async function asSeriesError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw new SeriesError('SERIES_UNAVAILABLE', error.message, {
      data: error.data,
      retry: error.retry,
      cause: error,
    })
  }
}
