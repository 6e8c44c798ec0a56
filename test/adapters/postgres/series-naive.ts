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

/** An event as plainly as it can be said. */
export interface NaiveEvent {
  readonly chainId: number
  readonly blockNumber: bigint
  readonly logIndex: number
  readonly timestamp: number
  readonly address: string
  readonly name: string
  readonly data: Readonly<Record<string, string>>
}

/** Asks PostgreSQL. */
export type Read = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>

/** Seconds from which candles of each width are there; of all time where a width is absent. */
export type Kept = ReadonlyMap<number, number>

function tradesOf(events: readonly NaiveEvent[], sources: readonly FillSource[]): readonly NaiveTrade[] {
  return events.flatMap((event): NaiveTrade[] => {
    const { chainId, address, name, data } = event
    const at = { time: event.timestamp, place: [event.blockNumber, event.logIndex] as const }
    const n = (field: string) => BigInt(data[field] ?? 0)
    if (name === 'pool.Swap') {
      const base = abs(n('amount0In') - n('amount0Out'))
      const quote = abs(n('amount1In') - n('amount1Out'))
      if (base === 0n || quote === 0n) return []
      return [
        { ...at, series: `pool-${chainId}-${address}`, base, quote, price: (quote * 10n ** 18n) / base },
      ]
    }
    return sources
      .filter((source) => source.event === name && source.chainId === chainId)
      .filter(
        ({ contracts }) => 'factory' in contracts || contracts.addresses.some((each) => each === address),
      )
      .flatMap(({ id, fields }): NaiveTrade[] => {
        const base = abs(n(fields.base))
        const paid = abs(n('quote' in fields ? fields.quote : fields.price))
        if (base === 0n || paid === 0n) return []
        const trade = { ...at, series: id, base }
        if ('quote' in fields) return [{ ...trade, quote: paid, price: (paid * 10n ** 18n) / base }]
        const scale = 10n ** BigInt(fields.priceScale)
        return [{ ...trade, quote: (base * paid) / scale, price: (paid * 10n ** 18n) / scale }]
      })
  })
}

/** All candles, each from the trades themselves: `<series> <width> <start>` and what they say. Only what is kept. */
export function naiveCandles(
  events: readonly NaiveEvent[],
  sources: readonly FillSource[],
  kept: Kept = new Map(),
): ReadonlyMap<string, string> {
  const trades = tradesOf(events, sources)
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

/** Every event that is in the chains as the event log has them, in their order. */
export async function loggedEvents(read: Read): Promise<readonly NaiveEvent[]> {
  const rows = await read('select * from event where level > 0 order by chain_id, block_number, log_index')
  return rows.map((row) => ({
    ...{ chainId: Number(row.chain_id), blockNumber: BigInt(String(row.block_number)) },
    ...{ logIndex: Number(row.log_index), timestamp: Number(row.timestamp) },
    ...{ address: String(row.address), name: String(row.name) },
    data: row.data as Readonly<Record<string, string>>,
  }))
}

/** What the tables of a schema have, in the same form. */
export async function storedCandles(
  read: Read,
  { kept = new Map(), schema }: { readonly kept?: Kept; readonly schema?: string } = {},
): Promise<ReadonlyMap<string, string>> {
  const of = (table: string) => (schema === undefined ? table : `"${schema}".${table}`)
  const rows = await read(
    `select id, candle.* from ${of('series_candle')} candle join ${of('series')} on key = series where not gone`,
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

export async function keptOf(read: Read): Promise<Kept> {
  const rows = await read('select kind, since from series_kept')
  return new Map(rows.map(({ kind, since }) => [Number(kind), Number(since)]))
}
