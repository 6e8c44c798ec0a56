import { MARKET_WINDOW, type MarketWindow } from './market-window.ts'

/** Raised whenever a feature's meaning changes: manifests of models bind it. */
export const MARKET_FEATURES_VERSION = 1

/** The order of the features; README.md has each one's meaning. */
export const MARKET_FEATURES = [
  'return1',
  'return5',
  'return15',
  'return30',
  'return60',
  'return120',
  'return240',
  'place60',
  'place240',
  'pressure15',
  'pressure60',
  'flow15',
  'flow60',
  'averageGap',
  'volatility',
  'volatility5',
  'volatility15',
  'volatility60',
  'bounce60',
  'bounce240',
  'ratio5',
  'ratio15',
  'ratio60',
  'activity15',
  'silence60',
  'jump60',
] as const

/** So many of them, the first ones, change sign when prices turn into their reciprocals; the others stay. */
export const MARKET_DIRECTIONS = 14

/** Variance of a bar below which nothing is said to have moved: a millionth of the price, squared. */
const FLOOR = 1e-12
/** Returns in standard deviations, and logs of ratios, are cut off here, either way. */
const LIMIT = 6

/**
 * The features of a market at the end of a window: pure, and free of units, so that neither a token's decimals nor its
 * price matter. All are finite, whatever the window holds.
 */
export function marketFeatures(window: MarketWindow): Float32Array {
  const { closes, volumes, traded } = window
  const whole = variance(closes, MARKET_WINDOW)
  const sd = Math.sqrt(whole + FLOOR)
  const moved = (bars: number) => limited(change(closes, MARKET_WINDOW, bars) / (sd * Math.sqrt(bars)))
  const relative = (value: number) => limited(0.5 * Math.log((value + FLOOR) / (whole + FLOOR)))
  return Float32Array.of(
    moved(1),
    moved(5),
    moved(15),
    moved(30),
    moved(60),
    moved(120),
    moved(240),
    place(window, 60),
    place(window, 240),
    pressure(window, 15),
    pressure(window, 60),
    flow(window, 15),
    flow(window, 60),
    limited((at(closes, MARKET_WINDOW) - averagePrice(window)) / (sd * Math.sqrt(MARKET_WINDOW))),
    Math.log(sd),
    relative(variance(closes, 5)),
    relative(variance(closes, 15)),
    relative(variance(closes, 60)),
    bounce(closes, 60),
    bounce(closes, 240),
    relative(overlapping(closes, 5)),
    relative(overlapping(closes, 15)),
    relative(overlapping(closes, 60)),
    activity(volumes, 15),
    1 - total(traded, 60) / 60,
    Math.log1p(largest(closes, 60) / sd),
  )
}

/** Typed arrays are read inside their bounds alone. */
const at = (values: Float64Array | Uint8Array, i: number): number => values[i] ?? 0

/** Return over the `bars` that end with close `i`. */
function change(closes: Float64Array, i: number, bars: number): number {
  return at(closes, i) - at(closes, i - bars)
}

/** Mean squared return of the newest `bars`. */
function variance(closes: Float64Array, bars: number): number {
  let sum = 0
  for (let i = MARKET_WINDOW - bars + 1; i <= MARKET_WINDOW; i++) sum += change(closes, i, 1) ** 2
  return sum / bars
}

/** Mean squared return over `span` bars, a bar's share of it, of all such spans of the window (Lo and MacKinlay 1988). */
function overlapping(closes: Float64Array, span: number): number {
  let sum = 0
  for (let i = span; i <= MARKET_WINDOW; i++) sum += change(closes, i, span) ** 2
  return sum / ((MARKET_WINDOW - span + 1) * span)
}

/** First autocorrelation of the newest `bars` returns, about 0; negative where trades jump across a spread (Roll 1984). */
function bounce(closes: Float64Array, bars: number): number {
  let [product, square] = [0, FLOOR]
  for (let i = MARKET_WINDOW - bars + 1; i <= MARKET_WINDOW; i++) {
    const move = change(closes, i, 1)
    square += move * move
    if (i > MARKET_WINDOW - bars + 1) product += move * change(closes, i - 1, 1)
  }
  return product / square
}

/** Where the last close lies between the extremes of the newest `bars`: -1 the lowest, 1 the highest. */
function place({ closes, highs, lows }: MarketWindow, bars: number): number {
  let [high, low] = [-Infinity, Infinity]
  for (let i = MARKET_WINDOW - bars; i < MARKET_WINDOW; i++) {
    high = Math.max(high, at(highs, i))
    low = Math.min(low, at(lows, i))
  }
  return between(at(closes, MARKET_WINDOW), low, high)
}

function between(value: number, low: number, high: number): number {
  return high > low ? (2 * value - high - low) / (high - low) : 0
}

/** Where bars closed within themselves, weighed by volume (the idea of Chaikin's money flow). */
function pressure({ closes, highs, lows, volumes }: MarketWindow, bars: number): number {
  let [sum, weight] = [0, 0]
  for (let i = MARKET_WINDOW - bars; i < MARKET_WINDOW; i++) {
    sum += at(volumes, i) * between(at(closes, i + 1), at(lows, i), at(highs, i))
    weight += at(volumes, i)
  }
  return weight > 0 ? sum / weight : 0
}

/** (volume of rising bars - volume of falling bars) / volume. */
function flow({ closes, volumes }: MarketWindow, bars: number): number {
  let [sum, weight] = [0, 0]
  for (let i = MARKET_WINDOW - bars; i < MARKET_WINDOW; i++) {
    sum += at(volumes, i) * Math.sign(change(closes, i + 1, 1))
    weight += at(volumes, i)
  }
  return weight > 0 ? sum / weight : 0
}

/** Mean ln close, weighed by volume; the last close where nothing was traded. */
function averagePrice({ closes, volumes }: MarketWindow): number {
  let [sum, weight] = [0, 0]
  const last = at(closes, MARKET_WINDOW)
  for (let i = 0; i < MARKET_WINDOW; i++) {
    sum += at(volumes, i) * (at(closes, i + 1) - last)
    weight += at(volumes, i)
  }
  return weight > 0 ? last + sum / weight : last
}

/** ln of the newest bars' volume against the window's; 0 where nothing was traded. */
function activity(volumes: Float64Array, bars: number): number {
  const [recent, all] = [total(volumes, bars) / bars, total(volumes, MARKET_WINDOW) / MARKET_WINDOW]
  return all > 0 ? limited(Math.log(recent / all + 0.01)) : 0
}

function total(values: Float64Array | Uint8Array, bars: number): number {
  let sum = 0
  for (let i = MARKET_WINDOW - bars; i < MARKET_WINDOW; i++) sum += at(values, i)
  return sum
}

function largest(closes: Float64Array, bars: number): number {
  let most = 0
  for (let i = MARKET_WINDOW - bars + 1; i <= MARKET_WINDOW; i++)
    most = Math.max(most, Math.abs(change(closes, i, 1)))
  return most
}

function limited(value: number): number {
  return Math.max(-LIMIT, Math.min(LIMIT, value))
}
