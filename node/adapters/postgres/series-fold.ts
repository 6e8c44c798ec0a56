import { candleIntervals, candleSeconds } from '../../ports/series.ts'
import type { Fill } from './series-fill.ts'

/** One trade of one series, and its place on the chain. */
export interface Trade extends Fill {
  /** Key of the series in the database. */
  readonly series: bigint
  /** Unix seconds of its block. */
  readonly time: number
  readonly block: bigint
  readonly logIndex: number
  readonly eventId: bigint
}

/** A candle, and the places of the trades that it opens and closes with: whatever comes later finds its order by them. */
export interface CandleRow {
  readonly series: bigint
  readonly width: number
  readonly start: number
  readonly open: bigint
  readonly high: bigint
  readonly low: bigint
  readonly close: bigint
  readonly base: bigint
  readonly quote: bigint
  readonly trades: number
  readonly first: Place
  readonly last: Place
}

interface Place {
  readonly block: bigint
  readonly logIndex: number
}

/** The candles of all widths that these trades make, finest first. The order of the trades does not matter. */
export function foldTrades(trades: readonly Trade[]): readonly CandleRow[] {
  const all: CandleRow[] = []
  let finer: readonly CandleRow[] = trades.map(candleOf)
  for (const interval of candleIntervals) {
    const width = candleSeconds[interval]
    const candles = new Map<string, CandleRow>()
    for (const part of finer) {
      const start = part.start - (part.start % width)
      const key = `${part.series} ${start}`
      const known = candles.get(key)
      candles.set(key, known === undefined ? { ...part, width, start } : joined(known, part))
    }
    finer = [...candles.values()]
    all.push(...finer)
  }
  return all
}

function candleOf({ series, time, block, logIndex, base, quote, price }: Trade): CandleRow {
  const place = { block, logIndex }
  return {
    ...{ series, width: 0, start: time, open: price, high: price, low: price, close: price },
    ...{ base, quote, trades: 1, first: place, last: place },
  }
}

function joined(a: CandleRow, b: CandleRow): CandleRow {
  const bFirst = isBefore(b.first, a.first)
  const bLast = isBefore(a.last, b.last)
  return {
    ...{ series: a.series, width: a.width, start: a.start },
    open: bFirst ? b.open : a.open,
    high: most(a.high, b.high),
    low: least(a.low, b.low),
    close: bLast ? b.close : a.close,
    base: a.base + b.base,
    quote: a.quote + b.quote,
    trades: a.trades + b.trades,
    first: bFirst ? b.first : a.first,
    last: bLast ? b.last : a.last,
  }
}

function isBefore(a: Place, b: Place): boolean {
  return a.block === b.block ? a.logIndex < b.logIndex : a.block < b.block
}

const least = (a: bigint, b: bigint) => (a < b ? a : b)
const most = (a: bigint, b: bigint) => (a > b ? a : b)
