import type { ExportColumn, ExportTable, ExportType } from '../../ports/export.ts'
import { candleIntervals, candleSeconds } from '../../ports/series.ts'

const column = (name: string, type: ExportType, sql: string): ExportColumn => ({ name, type, sql })

const interval = `case c.width ${candleIntervals.map((name) => `when ${candleSeconds[name]} then '${name}'`).join(' ')} end`

/** Trades, and candles of every width, of the series that there are, but for those that are still being made. A candle is of the block of its last trade. */
export function seriesExports({ schema }: { readonly schema: string }): readonly ExportTable[] {
  // Of what is older than it is kept, only a part may be there.
  const whole = ({ table, kind, time }: { table: string; kind: string; time: string }) =>
    `"${schema}".${table} t join "${schema}".series s on s.key = t.series and not s.gone
       join "${schema}".series_lane l on l.id = s.lane and l.main
       join "${schema}".series_kept k on k.kind = ${kind} and t.${time} >= k.since`
  const trades = whole({ table: 'series_trade', kind: '0', time: '"time"' })
  const candles = whole({ table: 'series_candle', kind: 't.width', time: 'start' })
  const rows = (tables: string) => `(select s.id, s.chain_id, t.* from ${tables}) c`
  const blocks: ExportTable['blocks'] = {
    sql: `select s.chain_id::text, max(t.last_block)::text from ${candles} where t.width = 86400 group by s.chain_id`,
    read: ([chainId, block]) => ({ chainId: Number(chainId), block: BigInt(String(block)) }),
  }
  const head = [column('series', 'text', 'c.id'), column('chainId', 'int', 'c.chain_id')]
  return [
    {
      ...{ name: 'trades', from: rows(trades), chain: 'c.chain_id', block: 'c.block', blocks },
      columns: [
        ...head,
        column('timestamp', 'time', 'c."time"'),
        column('blockNumber', 'int64', 'c.block'),
        column('logIndex', 'int', 'c.log_index'),
        column('base', 'integer', 'c.base'),
        column('quote', 'integer', 'c.quote'),
        column('price', 'integer', 'c.price'),
      ],
      order: ['c.id', 'c."time"', 'c.block', 'c.log_index', 'c.event_id'],
    },
    {
      ...{
        name: 'candles',
        from: rows(candles),
        chain: 'c.chain_id',
        block: 'c.last_block',
        blocks,
      },
      columns: [
        ...head,
        column('interval', 'text', interval),
        column('start', 'time', 'c.start'),
        ...['open', 'high', 'low', 'close'].map((name) => column(name, 'integer', `c.${name}`)),
        column('volumeBase', 'integer', 'c.base'),
        column('volumeQuote', 'integer', 'c.quote'),
        column('trades', 'int64', 'c.trades'),
      ],
      order: ['c.id', 'c.width', 'c.start'],
    },
  ]
}
