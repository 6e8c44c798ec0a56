import { type Kind, tradeKind } from './series-kinds.ts'

const columns =
  'series, width, start, open, high, low, close, base, quote, trades, first_block, first_log, last_block, last_log'

/** Adds trades, one list a column. */
export const insertTradesSql = `
  insert into series_trade (series, "time", event_id, block, log_index, base, quote, price)
  select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[], $6::numeric[],
                       $7::numeric[], $8::numeric[])`

export const deleteTradesSql = `
  delete from series_trade trade
    using unnest($1::bigint[], $2::bigint[], $3::bigint[]) as gone (series, "time", event_id)
    where trade.series = gone.series and trade."time" = gone."time" and trade.event_id = gone.event_id`

const ifEarlier = (column: string) =>
  `case when (excluded.first_block, excluded.first_log) < (known.first_block, known.first_log)
          then excluded.${column} else known.${column} end`
const ifLater = (column: string) =>
  `case when (excluded.last_block, excluded.last_log) > (known.last_block, known.last_log)
          then excluded.${column} else known.${column} end`

/** Joins candles into those that are there: what each opens and closes with is told by places, not by who came first. */
export const joinCandlesSql = `
  insert into series_candle as known (${columns})
  select * from unnest($1::bigint[], $2::integer[], $3::bigint[], $4::numeric[], $5::numeric[], $6::numeric[],
                       $7::numeric[], $8::numeric[], $9::numeric[], $10::bigint[], $11::bigint[], $12::integer[],
                       $13::bigint[], $14::integer[])
  on conflict (series, start, width) do update set
    ${['open', 'first_block', 'first_log'].map((column) => `${column} = ${ifEarlier(column)}`).join(',\n    ')},
    ${['close', 'last_block', 'last_log'].map((column) => `${column} = ${ifLater(column)}`).join(',\n    ')},
    high = greatest(known.high, excluded.high),
    low = least(known.low, excluded.low),
    base = known.base + excluded.base,
    quote = known.quote + excluded.quote,
    trades = known.trades + excluded.trades`

/** Makes the candles of series $1 that begin at $2 anew from the kind before: from trades where `finer` are those. */
export function makeAnewSql(kind: Kind, finer: Kind): string {
  const isTrades = finer.id === tradeKind.id
  const [time, open, close, high, low, count] = isTrades
    ? ['part."time"', 'price', 'price', 'price', 'price', 'count(*)']
    : ['part.start', 'open', 'close', 'high', 'low', 'sum(part.trades)']
  const [firstBlock, firstLog] = isTrades ? ['block', 'log_index'] : ['first_block', 'first_log']
  const [lastBlock, lastLog] = isTrades ? ['block', 'log_index'] : ['last_block', 'last_log']
  const first = (column: string) =>
    `(array_agg(part.${column} order by part.${firstBlock}, part.${firstLog}))[1]`
  const last = (column: string) =>
    `(array_agg(part.${column} order by part.${lastBlock} desc, part.${lastLog} desc))[1]`
  return `
    with touched as (
      select distinct series, start from unnest($1::bigint[], $2::bigint[]) as row (series, start)
    ), made as (
      select touched.series, touched.start, ${first(open)} as open, max(part.${high}) as high, min(part.${low}) as low,
             ${last(close)} as close, sum(part.base) as base, sum(part.quote) as quote, ${count} as trades,
             ${first(firstBlock)} as first_block, ${first(firstLog)} as first_log,
             ${last(lastBlock)} as last_block, ${last(lastLog)} as last_log
        from touched join ${finer.table} part
          on part.series = touched.series and ${time} >= touched.start and ${time} < touched.start + ${kind.id}
        group by touched.series, touched.start
    ), gone as (
      delete from ${kind.table} candle using touched
        where candle.series = touched.series and candle.start = touched.start
          and not exists (select from made where made.series = touched.series and made.start = touched.start)
    )
    insert into ${kind.table} as known (${columns})
    select series, ${kind.id}, start, open, high, low, close, base, quote, trades, first_block, first_log, last_block,
           last_log from made
    on conflict (series, start, width) do update set
      (open, high, low, close, base, quote, trades, first_block, first_log, last_block, last_log)
      = (excluded.open, excluded.high, excluded.low, excluded.close, excluded.base, excluded.quote, excluded.trades,
         excluded.first_block, excluded.first_log, excluded.last_block, excluded.last_log)`
}
