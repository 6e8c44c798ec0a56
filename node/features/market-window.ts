import type { Candle } from '../ports/series.ts'
import { FeatureError } from './feature-error.ts'

/** What features of a market take of a candle: prices of any one scale, volume in base units of the quote token. */
export type MarketBar = Pick<Candle, 'start' | 'high' | 'low' | 'close' | 'volumeQuote'>

/** Seconds of a bar. */
export const MARKET_BAR_SECONDS = 60
/** Bars that features look back on: four hours. */
export const MARKET_WINDOW = 240

/** Consecutive closed bars, oldest first. A bar without a trade stands where the last one closed, with no volume. */
export interface MarketWindow {
  /** ln of the closes; one more than the others, the first being what the window begins from. */
  readonly closes: Float64Array
  readonly highs: Float64Array
  readonly lows: Float64Array
  readonly volumes: Float64Array
  /** 1 where the bar had a trade. */
  readonly traded: Uint8Array
}

/**
 * The `MARKET_WINDOW` bars that end at `end`.
 * @param bars any order, each once; those that start at `end` or later are not looked at
 * @param end Unix seconds, multiple of `MARKET_BAR_SECONDS`
 * @throws FeatureError `FEATURES_TOO_SHORT`, `FEATURES_BAD_BAR`
 */
export function marketWindow(bars: readonly MarketBar[], end: number): MarketWindow {
  const first = end - MARKET_WINDOW * MARKET_BAR_SECONDS
  const inside = new Array<MarketBar | undefined>(MARKET_WINDOW)
  let before: MarketBar | undefined
  for (const bar of bars) {
    if (bar.start >= end) continue
    if (bar.start >= first) inside[Math.floor((bar.start - first) / MARKET_BAR_SECONDS)] = bar
    else if (before === undefined || bar.start > before.start) before = bar
  }
  if (before === undefined)
    throw new FeatureError(
      'FEATURES_TOO_SHORT',
      `nothing was traded before ${first}, where the window of ${MARKET_WINDOW} bars up to ${end} begins: wait until the market is older`,
    )
  const window: MarketWindow = {
    closes: new Float64Array(MARKET_WINDOW + 1),
    highs: new Float64Array(MARKET_WINDOW),
    lows: new Float64Array(MARKET_WINDOW),
    volumes: new Float64Array(MARKET_WINDOW),
    traded: new Uint8Array(MARKET_WINDOW),
  }
  const { closes, highs, lows, volumes, traded } = window
  let last = logPrice(before.close, before)
  closes[0] = last
  for (let i = 0; i < MARKET_WINDOW; i++) {
    const bar = inside[i]
    highs[i] = bar === undefined ? last : logPrice(bar.high, bar)
    lows[i] = bar === undefined ? last : logPrice(bar.low, bar)
    volumes[i] = bar === undefined ? 0 : volumeOf(bar)
    traded[i] = bar === undefined ? 0 : 1
    if (bar !== undefined) last = logPrice(bar.close, bar)
    closes[i + 1] = last
  }
  return window
}

function logPrice(price: bigint, bar: MarketBar): number {
  if (price <= 0n || price < bar.low || price > bar.high)
    throw bad(bar, `price ${price} between ${bar.low} and ${bar.high}`)
  return Math.log(Number(price))
}

function volumeOf(bar: MarketBar): number {
  if (bar.volumeQuote < 0n) throw bad(bar, `volume ${bar.volumeQuote}`)
  return Number(bar.volumeQuote)
}

const bad = ({ start }: MarketBar, what: string) =>
  new FeatureError(
    'FEATURES_BAD_BAR',
    `the bar of ${start} has ${what}: prices are positive, a close lies within its bar; read the candles again`,
  )
