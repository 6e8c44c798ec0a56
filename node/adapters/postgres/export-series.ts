import type { ExportColumn, ExportTable, ExportType } from '../../ports/export.ts'
import { candleIntervals, candleSeconds } from '../../ports/series.ts'

const column = (name: string, type: ExportType, sql: string): ExportColumn => ({ name, type, sql })

const interval = `case c.width ${candleIntervals.map((name) => `when ${candleSeconds[name]} then '${name}'`).join(' ')} end`

/** Trades, and candles of every width, of the series that there are. A candle is of the block of its last trade. */
export function seriesExports({ schema }: { readonly schema: string }): readonly ExportTable[] {
  const joined = (table: string) =>
    `(select s.id, s.chain_id, t.* from "${schema}".${table} t join "${schema}".series s on s.key = t.series and not s.gone) c`
  const blocks: ExportTable['blocks'] = {
    sql: `select s.chain_id::text, max(t.last_block)::text from "${schema}".series_candle t
          join "${schema}".series s on s.key = t.series and not s.gone where t.width = 86400 group by s.chain_id`,
    read: ([chainId, block]) => ({ chainId: Number(chainId), block: BigInt(String(block)) }),
  }
  const head = [column('series', 'text', 'c.id'), column('chainId', 'int', 'c.chain_id')]
  return [
    {
      ...{ name: 'trades', from: joined('series_trade'), chain: 'c.chain_id', block: 'c.block', blocks },
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
        from: joined('series_candle'),
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
