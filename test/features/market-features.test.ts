import { describe, expect, it } from 'vitest'
import { MARKET_DIRECTIONS, MARKET_FEATURES, marketFeatures } from '../../node/features/market-features.ts'
import { seriesFeatures } from '../../node/features/market-series.ts'
import { MARKET_WINDOW, type MarketBar, marketWindow } from '../../node/features/market-window.ts'
import { candleReader } from './candle-reader.ts'

const END = 1_700_000_400
const ONE = 10n ** 18n

/** A bar that ends so many minutes before the window does. */
function bar(minutesBefore: number, close: bigint, rest: Partial<MarketBar> = {}): MarketBar {
  return { start: END - 60 * minutesBefore, high: close, low: close, close, volumeQuote: 1000n, ...rest }
}

/** A bar a minute, by how many minutes before the end, from one before the window on. */
function market(close: (minutesBefore: number) => bigint): MarketBar[] {
  return Array.from({ length: MARKET_WINDOW + 1 }, (_, i) => bar(i + 1, close(i + 1))).toReversed()
}

function named(bars: readonly MarketBar[]): Record<(typeof MARKET_FEATURES)[number], number> {
  const values = marketFeatures(marketWindow(bars, END))
  return Object.fromEntries(MARKET_FEATURES.map((name, i) => [name, values[i]])) as Record<
    (typeof MARKET_FEATURES)[number],
    number
  >
}

/** Wanders about 1 in a way that is the same each time. */
const wandering = market((i) => ONE + (ONE / 1000n) * BigInt(((i * 7919) % 41) - 20))

describe('features of a market', () => {
  it('say nothing of one that stands still', () => {
    const still = named(market(() => ONE))
    for (const name of MARKET_FEATURES.filter((each) => each !== 'volatility'))
      expect(still[name], name).toBeCloseTo(name === 'activity15' ? Math.log(1.01) : 0, 6)
    expect(still.volatility).toBeCloseTo(Math.log(1e-6), 5)
  })

  it('are returns in standard deviations', () => {
    // Up by 1 % in the last minute alone: the variance of a minute is (ln 1.01)^2 / 240.
    const jump = named(market((i) => (i === 1 ? (ONE * 101n) / 100n : ONE)))
    expect(jump.volatility).toBeCloseTo(Math.log(Math.log(1.01) / Math.sqrt(240)), 4)
    expect(jump.return1).toBe(6)
    expect(jump.return60).toBeCloseTo(Math.sqrt(240 / 60), 3)
    expect(jump.return240).toBeCloseTo(1, 3)
    expect(jump.place60).toBe(1)
    expect(jump.flow15).toBeCloseTo(1 / 15, 5)
    expect(jump.volatility5).toBeCloseTo(0.5 * Math.log(240 / 5), 3)
    expect(jump.jump60).toBeCloseTo(Math.log1p(Math.sqrt(240)), 3)
    expect(jump.averageGap).toBeCloseTo((239 / 240) * 1, 2)
  })

  it('see bounces and trends', () => {
    const bouncing = named(market((i) => (i % 2 === 0 ? ONE : ONE + ONE / 1000n)))
    expect(bouncing.bounce240).toBeCloseTo(-1, 1)
    expect(bouncing.ratio60).toBeLessThan(-1)
    // 1.0001^-i
    const climbing = named(market((i) => BigInt(Math.round(1e18 * 1.0001 ** -i))))
    expect(climbing.bounce240).toBeCloseTo(1, 1)
    expect(climbing.ratio60).toBeGreaterThan(1)
    expect(climbing.flow60).toBe(1)
  })

  it('see volume, pressure and silence', () => {
    const last = bar(1, ONE, { high: ONE * 2n, low: ONE, volumeQuote: 3000n })
    const bars = [...market(() => ONE).slice(0, -2), last]
    const found = named(bars)
    expect(found.silence60).toBeCloseTo(1 / 60, 6)
    expect(found.pressure15).toBeCloseTo((-1 * 3000) / (13 * 1000 + 3000), 5)
    expect(found.activity15).toBeCloseTo(Math.log(16_000 / 15 / ((238 * 1000 + 3000) / 240) + 0.01), 4)
  })

  it('turn round with the prices, the first ones, and stay otherwise', () => {
    // ln(1 / x) is -ln x but for rounding to integers.
    const upsideDown = wandering.map((each) => {
      const close = (ONE * ONE) / each.close
      return { ...each, close, high: close, low: close }
    })
    const [there, back] = [wandering, upsideDown].map((bars) => marketFeatures(marketWindow(bars, END)))
    MARKET_FEATURES.forEach((name, i) => {
      const sign = i < MARKET_DIRECTIONS ? -1 : 1
      expect(back?.[i], name).toBeCloseTo(sign * (there?.[i] ?? 0), 5)
    })
  })

  it('do not depend on decimals of price or volume, on the order of bars, or on what came before or after', () => {
    const expected = marketFeatures(marketWindow(wandering, END))
    const scaled = wandering.map((each) => {
      const close = each.close * 1024n
      return { ...each, close, high: close, low: close, volumeQuote: each.volumeQuote * 4096n }
    })
    const found = marketFeatures(marketWindow(scaled, END))
    expected.forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 5)
    })
    const more = [
      bar(0, ONE * 9n),
      bar(-1, ONE * 9n),
      bar(MARKET_WINDOW + 2, ONE * 9n),
      ...wandering.toReversed(),
    ]
    expect(marketFeatures(marketWindow(more, END))).toEqual(expected)
  })

  it('are finite for the smallest and largest prices and volumes', () => {
    const most = 2n ** 256n - 1n
    const wild = market((i) => (i % 3 === 0 ? 1n : most)).map((each) => ({
      ...each,
      low: 1n,
      high: most,
      volumeQuote: each.start % 120 === 0 ? most : 0n,
    }))
    expect([...marketFeatures(marketWindow(wild, END))].every(Number.isFinite)).toBe(true)
  })
})

describe('a window of bars', () => {
  it('is refused without a price from before it, or with bars that can not be', () => {
    const young = wandering.slice(1)
    const code = (code: string) => expect.objectContaining({ code })
    expect(() => marketWindow(young, END)).toThrowError(code('FEATURES_TOO_SHORT'))
    for (const wrong of [
      { close: 0n, low: 0n },
      { close: ONE * 3n, high: ONE, low: ONE },
      { volumeQuote: -1n },
    ])
      expect(() => marketWindow([...wandering.slice(0, -1), bar(1, ONE, wrong)], END)).toThrowError(
        code('FEATURES_BAD_BAR'),
      )
  })

  it('reads through silence: what was traded last stands for it', async () => {
    const old = bar(4000, ONE * 2n)
    const found = await seriesFeatures(candleReader([old], END), { series: 'pool', end: END })
    expect(found[MARKET_FEATURES.indexOf('silence60')]).toBe(1)
  })

  it('is not looked at before its trades are in, or where no bar ends', async () => {
    const ask = (knownUntil: number | null, end: number) =>
      seriesFeatures(candleReader(wandering, knownUntil), { series: 'pool', end })
    await expect(ask(END - 1, END)).rejects.toMatchObject({ code: 'FEATURES_NOT_CLOSED', retry: true })
    await expect(ask(null, END)).rejects.toMatchObject({ code: 'FEATURES_NOT_CLOSED' })
    await expect(ask(END, END + 1)).rejects.toMatchObject({ code: 'FEATURES_BAD_BAR', retry: false })
    await expect(ask(END, END)).resolves.toHaveLength(MARKET_FEATURES.length)
  })
})
