import type { MarketBar } from '../../node/features/market-window.ts'
import type { Random } from '../tools/random.ts'

/** How the mid moves beyond its noise, at a time. The order is that of the numbers in files. */
export const REGIMES = ['none', 'trend', 'revert', 'never'] as const
export type Regime = (typeof REGIMES)[number]

/** Minutes that the model looks ahead. */
export const HORIZON = 30

export interface SimulatedMarket {
  /** Bars with trades, oldest first, prices times 10^18. */
  readonly bars: readonly MarketBar[]
  /** Unix seconds where minute 0 begins. */
  readonly first: number
  /** ln of the mid where each minute ends. */
  readonly mids: Float64Array
  readonly regimes: readonly Regime[]
  /** What nobody can see: the expected return over the horizon, in its standard deviations, if the regime stays. */
  readonly hidden: Float64Array
  /** ln of the ask less ln of the mid. */
  readonly halfSpread: number
}

const STEP = 5
const STEPS = 60 / STEP
const HOUR = 3600 / STEP
const FIRST_SECOND = 1_700_006_400
/** A market in this share of cases never has anything to forecast. */
const NEVER = 0.25

/** What a market keeps for its life; drawn afresh for each. Rates and volatilities are per hour. */
function habits(random: Random) {
  return {
    never: random.chance(NEVER),
    volatility: random.logUniform(0.003, 0.015),
    trendSize: random.logUniform(0.8, 2.5),
    trendDecay: random.logUniform(0.25, 1),
    pull: random.logUniform(1, 6),
    anchorPull: random.logUniform(0.1, 0.4),
    regimeHours: random.logUniform(2, 8),
    jumps: random.logUniform(0.02, 0.2),
    halfSpread: random.logUniform(0.0001, 0.0012),
    trades: random.logUniform(40, 1500),
    tradeSize: random.logUniform(50, 5000),
    sizeSpread: random.between(0.6, 1.4),
    informed: random.between(0, 0.25),
  }
}

/** One market of so many minutes. The same random numbers give the same market on every machine. */
export function simulateMarket(random: Random, minutes: number): SimulatedMarket {
  const own = habits(random)
  const bars: MarketBar[] = []
  const [mids, hidden] = [new Float64Array(minutes), new Float64Array(minutes)]
  const regimes: Regime[] = []
  const start = Math.log(random.logUniform(0.5, 4000))
  let [mid, anchor, heat, drift] = [start, start, 0, 0]
  let regime: Regime = own.never ? 'never' : random.pick(['none', 'trend', 'revert'] as const)
  const heatDecay = Math.exp(-1.5 / 60)
  const driftDecay = Math.exp(-own.trendDecay / 60)
  for (let minute = 0; minute < minutes; minute++) {
    if (!own.never && random.chance(1 - Math.exp(-1 / (60 * own.regimeHours)))) {
      regime = random.pick(['none', 'trend', 'revert'] as const)
      drift = 0
      anchor = mid
    }
    // Volatility reverts to the market's own, with a stationary standard deviation of its log of 0.45.
    heat = heat * heatDecay + 0.45 * Math.sqrt(1 - heatDecay ** 2) * random.normal()
    drift = drift * driftDecay + own.trendSize * Math.sqrt(1 - driftDecay ** 2) * random.normal()
    if (random.chance(own.jumps / 60)) {
      mid += 0.7 * own.volatility * random.normal()
      heat += random.exponential(0.4)
    }
    const volatility = own.volatility * Math.exp(heat)
    const bar = new OpenBar()
    for (let step = 0; step < STEPS; step++) {
      const pulled =
        regime === 'trend' ? drift * volatility : regime === 'revert' ? own.pull * (anchor - mid) : 0
      mid += pulled / HOUR + (volatility / Math.sqrt(HOUR)) * random.normal()
      anchor += (own.anchorPull * (mid - anchor)) / HOUR
      if (!random.chance(1 - Math.exp((-own.trades * Math.exp(0.7 * heat)) / HOUR))) continue
      const leaning = own.informed * Math.tanh(pulled / volatility)
      const side = random.chance(0.5 + leaning) ? 1 : -1
      bar.trade(Math.exp(mid + side * own.halfSpread), random.logNormal(own.tradeSize, own.sizeSpread))
    }
    const closed = bar.close(FIRST_SECOND + minute * 60)
    if (closed !== null) bars.push(closed)
    mids[minute] = mid
    regimes.push(regime)
    hidden[minute] = expected(regime, { drift, gap: anchor - mid, volatility, own })
  }
  return { bars, first: FIRST_SECOND, mids, regimes, hidden, halfSpread: own.halfSpread }
}

function expected(
  regime: Regime,
  state: { drift: number; gap: number; volatility: number; own: ReturnType<typeof habits> },
): number {
  const { drift, gap, volatility, own } = state
  const hours = HORIZON / 60
  const noise = volatility * Math.sqrt(hours)
  if (regime === 'trend')
    return (drift * volatility * (1 - Math.exp(-own.trendDecay * hours))) / own.trendDecay / noise
  if (regime !== 'revert') return 0
  const rate = own.pull + own.anchorPull
  return (gap * own.pull * (1 - Math.exp(-rate * hours))) / rate / noise
}

/** The trades of one minute. */
class OpenBar {
  #high = 0
  #low = Infinity
  #close = 0
  #volume = 0

  trade(price: number, volume: number): void {
    this.#high = Math.max(this.#high, price)
    this.#low = Math.min(this.#low, price)
    this.#close = price
    this.#volume += volume
  }

  /** Null when nothing was traded. */
  close(start: number): MarketBar | null {
    if (this.#close === 0) return null
    const [high, low, close] = [this.#high, this.#low, this.#close].map(scaled)
    return {
      start,
      high: high ?? 0n,
      low: low ?? 0n,
      close: close ?? 0n,
      volumeQuote: BigInt(Math.round(this.#volume * 1e6)),
    }
  }
}

/** Times 10^18, of ten decimals. */
const scaled = (price: number) => BigInt(Math.round(price * 1e10)) * 10n ** 8n
