import type { Address } from './chain.ts'

/** Widths of candles, finest first. */
export const candleIntervals = ['1s', '10s', '1m', '5m', '15m', '1h', '4h', '1d'] as const
export type CandleInterval = (typeof candleIntervals)[number]

/** Seconds of each width. Every one divides the next, so that a candle is made of whole finer ones. */
export const candleSeconds: Readonly<Record<CandleInterval, number>> = {
  '1s': 1,
  '10s': 10,
  '1m': 60,
  '5m': 300,
  '15m': 900,
  '1h': 3_600,
  '4h': 14_400,
  '1d': 86_400,
}

/** One market of one contract: what candles are made of. */
export interface SeriesInfo {
  /** `pool-<chainId>-<address>` of an indexed pool, or the operator's own name. */
  readonly id: string
  readonly chainId: number
  /** Null when it is made of all contracts of a factory. */
  readonly address: Address | null
  /** `pool`: swaps of a constant-product pool. `event`: an event of an operator's contract, one fill each. */
  readonly source: 'pool' | 'event'
}

/**
 * Open, high, low, close and volume of the trades of one interval. An interval without trades has no candle. Prices are
 * quote per base in base units of both, times 10^18, of the trade itself (quote amount / base amount), so that
 * low <= volumeQuote * 10^18 / volumeBase <= high but for rounding.
 */
export interface Candle {
  /** Unix seconds, a multiple of the width. */
  readonly start: number
  readonly open: bigint
  readonly high: bigint
  readonly low: bigint
  readonly close: bigint
  readonly volumeBase: bigint
  readonly volumeQuote: bigint
  readonly trades: number
  /** No reorganisation changes it any more, and no further trade falls into it. */
  readonly final: boolean
}

export interface CandlePage {
  readonly candles: readonly Candle[]
  /** As `SeriesReader.knownUntil` of their chain, when they were read. */
  readonly knownUntil: number | null
}

/** Trades of a window that ends with `until`. Prices as in `Candle`; null where the window has no trade. */
export interface RollingWindow {
  readonly from: number
  readonly until: number
  readonly open: bigint | null
  readonly high: bigint | null
  readonly low: bigint | null
  readonly close: bigint | null
  /** Volume-weighted average price. */
  readonly vwap: bigint | null
  readonly volumeBase: bigint
  readonly volumeQuote: bigint
  readonly trades: number
  /** Standard deviation of the logarithmic returns between closes of `of` that follow each other; null below two returns. */
  readonly deviation: number | null
  /** Width of the candles that it was computed from. */
  readonly of: CandleInterval
}

/**
 * Time series of trades, exact at each moment: a trade that a reorganisation drops is in no candle any more. Rejects with
 * `SeriesError`: `SERIES_UNKNOWN`, `SERIES_BAD_QUERY`, `SERIES_UNAVAILABLE` (retry).
 */
export interface SeriesReader {
  /** By id; at most `limit`, of those that come after `after`, or all. */
  list(page?: { readonly after: string; readonly limit: number }): Promise<readonly SeriesInfo[]>
  /** Newest first, at most `limit` (1..1,000), `from <= start < to`. */
  candles(query: {
    readonly series: string
    readonly interval: CandleInterval
    readonly from?: number
    readonly to?: number
    readonly limit: number
  }): Promise<CandlePage>
  /** `until` in Unix seconds; the time of the chain's newest indexed block when absent. */
  rolling(query: {
    readonly series: string
    readonly windowSeconds: number
    readonly until?: number
  }): Promise<RollingWindow>
  /**
   * Unix seconds before which the trades of a chain are all in: the time of the newest block that was gone through. More
   * trades of that second itself may follow, where a chain has several blocks a second.
   */
  knownUntil(chainId: number): Promise<number | null>
}
