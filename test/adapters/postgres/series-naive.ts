import type { Database } from '../../../node/adapters/postgres/database.ts'
import type { FillSource } from '../../../node/ports/series-source.ts'

const widths = [1, 10, 60, 300, 900, 3_600, 14_400, 86_400]

interface NaiveTrade {
  readonly series: string
  readonly time: number
  readonly place: readonly [bigint, number]
  readonly base: bigint
  readonly quote: bigint
  readonly price: bigint
}

const abs = (value: bigint) => (value < 0n ? -value : value)

/** Every trade that is in the chains as the event log has them. */
async function tradesInChain(
  database: Database,
  sources: readonly FillSource[],
): Promise<readonly NaiveTrade[]> {
  const rows = await database.query(
    'select * from event where level > 0 order by chain_id, block_number, log_index',
  )
  return rows.flatMap((row): NaiveTrade[] => {
    const data = row.data as Record<string, string>
    const at = {
      time: Number(row.timestamp),
      place: [BigInt(String(row.block_number)), Number(row.log_index)] as const,
    }
    const n = (name: string) => BigInt(data[name] ?? 0)
    if (row.name === 'pool.Swap') {
      const base = abs(n('amount0In') - n('amount0Out'))
      const quote = abs(n('amount1In') - n('amount1Out'))
      if (base === 0n || quote === 0n) return []
      const series = `pool-${row.chain_id}-${row.address}`
      return [{ ...at, series, base, quote, price: (quote * 10n ** 18n) / base }]
    }
    return sources
      .filter((source) => source.event === row.name && source.chainId === Number(row.chain_id))
      .filter(
        ({ contracts }) => 'factory' in contracts || contracts.addresses.some((at) => at === row.address),
      )
      .map(({ id, fields }) => {
        const base = abs(n(fields.base))
        if ('quote' in fields) {
          const quote = abs(n(fields.quote))
          return { ...at, series: id, base, quote, price: (quote * 10n ** 18n) / base }
        }
        const scale = 10n ** BigInt(fields.priceScale)
        const quote = (base * n(fields.price)) / scale
        return { ...at, series: id, base, quote, price: (n(fields.price) * 10n ** 18n) / scale }
      })
  })
}

/** All candles, each from the trades themselves: `<series> <width> <start>` and what they say. Only what is kept. */
export async function naiveCandles(
  database: Database,
  sources: readonly FillSource[],
): Promise<ReadonlyMap<string, string>> {
  const trades = await tradesInChain(database, sources)
  const kept = await keptOf(database)
  const found = new Map<string, string>()
  for (const width of widths) {
    const groups = new Map<string, NaiveTrade[]>()
    for (const trade of trades) {
      const start = Math.floor(trade.time / width) * width
      if (start < (kept.get(width) ?? 0)) continue
      const key = `${trade.series} ${width} ${start}`
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [trade])
      else group.push(trade)
    }
    for (const [key, group] of groups) {
      const prices = group.map(({ price }) => price).sort((a, b) => (a < b ? -1 : 1))
      const sum = (of: 'base' | 'quote') => group.reduce((total, trade) => total + trade[of], 0n)
      const [first, last] = [group[0], group.at(-1)]
      found.set(
        key,
        [
          ...[first?.price, prices.at(-1), prices[0], last?.price, sum('base'), sum('quote'), group.length],
          ...[...(first?.place ?? []), ...(last?.place ?? [])],
        ].join(' '),
      )
    }
  }
  return found
}

/** What the tables have, in the same form. */
export async function storedCandles(database: Database): Promise<ReadonlyMap<string, string>> {
  const kept = await keptOf(database)
  const rows = await database.query(
    `select id, series_candle.* from series_candle join series on key = series where not gone`,
  )
  return new Map(
    rows
      .filter(({ width, start }) => Number(start) >= (kept.get(Number(width)) ?? 0))
      .map((row) => [
        `${row.id} ${row.width} ${row.start}`,
        [
          ...[row.open, row.high, row.low, row.close, row.base, row.quote, row.trades],
          ...[row.first_block, row.first_log, row.last_block, row.last_log],
        ].join(' '),
      ]),
  )
}

export async function keptOf(database: Database): Promise<ReadonlyMap<number, number>> {
  const rows = await database.query('select kind, since from series_kept')
  return new Map(rows.map(({ kind, since }) => [Number(kind), Number(since)]))
}
