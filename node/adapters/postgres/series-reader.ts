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
  readonly chainId: number
  readonly finalTime: number
  readonly knownUntil: number | null
}

const MAX_TIME = 2 ** 53 - 1

/** Reads the candles that `seriesEngine` makes. */
export function seriesReader({ database }: { readonly database: Database }): SeriesReader {
  const query = (sql: string, params: readonly unknown[]) => asSeriesError(() => database.query(sql, params))

  async function find(id: string): Promise<Found> {
    const [row] = await query(
      `select series.key, series.chain_id, lane.main, lane.seq, lane.final_time, lane.known_until
         from series join series_lane lane on lane.id = series.lane where series.id = $1 and not series.gone`,
      [id],
    )
    if (row === undefined)
      throw new SeriesError('SERIES_UNKNOWN', `There is no series "${id}". GET /v1/series lists them.`, {
        data: { series: id },
      })
    if (row.main !== true)
      throw new SeriesError(
        'SERIES_UNAVAILABLE',
        `The series "${id}" is being made from the event log. Ask again in a while.`,
        { data: { series: id }, retry: true },
      )
    return {
      key: BigInt(String(row.key)),
      chainId: Number(row.chain_id),
      finalTime: row.final_time === null ? -1 : Number(row.final_time),
      knownUntil: row.known_until === null ? null : Number(row.known_until),
    }
  }

  return {
    list: async () => {
      const rows = await query(
        'select id, chain_id, address, source from series where not gone order by id',
        [],
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
      const { key, finalTime } = await find(series)
      const rows = await query(
        `select start, open, high, low, close, base, quote, trades from ${kind.table}
           where series = $1 and start >= $2 and start < $3 and start >= ${sinceSql(kind)}
           order by start desc limit $4`,
        [key.toString(), from, to, limit],
      )
      return rows.map((row): Candle => {
        const start = Number(row.start)
        return {
          ...{ start, final: start + kind.id <= finalTime },
          ...{ open: integer(row.open), high: integer(row.high), low: integer(row.low) },
          ...{ close: integer(row.close), volumeBase: integer(row.base), volumeQuote: integer(row.quote) },
          trades: Number(row.trades),
        }
      })
    },
    rolling: async ({ series, windowSeconds, until }) => {
      if (!Number.isSafeInteger(windowSeconds) || windowSeconds < 1)
        throw bad('A window is a whole number of seconds, 1 or more.')
      if (until !== undefined && !isTime(until)) throw bad('Times are whole seconds since 1970, not before.')
      const found = await find(series)
      const end = until ?? found.knownUntil
      if (end === null)
        throw new SeriesError(
          'SERIES_UNAVAILABLE',
          'The time of the chain is not known yet. Ask again in a while, or say until when.',
          { data: { series }, retry: true },
        )
      for (;;) {
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
        // Unless these were just being dropped.
        if (Number(row?.since) <= range.from) return windowOf(row ?? {}, range)
      }
    },
    knownUntil: async (chainId) => {
      const [row] = await query('select known_until from series_lane where chain_id = $1 and main', [chainId])
      return row?.known_until == null ? null : Number(row.known_until)
    },
  }
}

const sinceSql = ({ id }: Kind) => `(select since from series_kept where kind = ${id})`

/** $1 series, $2 first second, $3 last second. */
const rollingSql = (kind: Kind) => `
  with candle as (
    select *, ln(nullif(close, 0)::float8) - ln(nullif(lag(close) over (order by start), 0)::float8) as change
      from ${kind.table} where series = $1 and start >= $2 and start <= $3
  )
  select (array_agg(open order by start))[1] as open, max(high) as high, min(low) as low,
         (array_agg(close order by start desc))[1] as close, sum(base) as base, sum(quote) as quote,
         sum(trades) as trades, stddev_samp(change) as deviation, ${sinceSql(kind)} as since
    from candle`

function windowOf(
  row: Readonly<Record<string, unknown>>,
  { kind, from, until }: RollingRange,
): RollingWindow {
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
