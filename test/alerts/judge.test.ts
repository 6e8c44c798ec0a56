import { describe, expect, it } from 'vitest'
import { judge } from '../../node/alerts/judge.ts'
import { measured, windowOf } from '../../node/alerts/measure.ts'
import { measures } from '../../node/ports/alerts.ts'
import type { Candle } from '../../node/ports/series.ts'

const unlike = { kind: 'unlike', sigmas: 4, of: 8 } as const

describe('a condition', () => {
  it('above and below are strict', () => {
    expect(judge({ kind: 'above', limit: 5 }, 5, [])?.holds).toBe(false)
    expect(judge({ kind: 'above', limit: 5 }, 5.1, [])?.holds).toBe(true)
    expect(judge({ kind: 'below', limit: 5 }, 5, [])?.holds).toBe(false)
    expect(judge({ kind: 'below', limit: 5 }, 4.9, [])?.holds).toBe(true)
  })

  it('unlike takes the median absolute deviation, which one outlier does not move', () => {
    // Median 10, deviations 2 2 1 1 0 1 1 990 0: their median is 1, so sigma is 1.4826.
    const before = [8, 12, 9, 11, 10, 9, 11, 1_000, 10]
    expect(judge(unlike, 10 + 4 * 1.4826 + 0.6, before)?.holds).toBe(true)
    expect(judge(unlike, 10 + 4 * 1.4826 - 0.6, before)?.holds).toBe(false)
    expect(judge(unlike, 10 - 4 * 1.4826 - 0.6, before)?.holds).toBe(true)
  })

  it('unlike falls back on the mean deviation where most values are equal', () => {
    // Median 5, its absolute deviation 0; the mean deviation is 1, so sigma is 1.2533.
    const before = [5, 5, 5, 5, 5, 5, 5, 13]
    expect(judge(unlike, 10, before)?.holds).toBe(false)
    expect(judge(unlike, 10.1, before)?.holds).toBe(true)
  })

  it('unlike finds any change of what never changed, and says nothing of too little', () => {
    expect(judge(unlike, 5, [5, 5, 5, 5])?.holds).toBe(false)
    expect(judge(unlike, 5.01, [5, 5, 5, 5])?.holds).toBe(true)
    expect(judge(unlike, 50, [5, 5, 5])).toBeNull()
  })
})

describe('a measure', () => {
  const candle: Candle = {
    ...{ start: 60, open: 2n * 10n ** 18n, high: 4n * 10n ** 18n, low: 10n ** 18n, close: 3n * 10n ** 18n },
    ...{ volumeBase: 10n, volumeQuote: 25n, trades: 7, final: true },
  }

  it('is of the window', () => {
    const window = { ...windowOf(candle), deviation: 0.5 }
    expect(Object.fromEntries(measures.map((measure) => [measure, measured(measure, window)]))).toEqual({
      ...{ price: 3e18, vwap: 2.5e18, return: 0.5, range: 3 },
      ...{ volumeBase: 10, volumeQuote: 25, trades: 7, deviation: 0.5 },
    })
  })

  it('of no trade is no price, and no volume', () => {
    expect(
      Object.fromEntries(measures.map((measure) => [measure, measured(measure, windowOf(null))])),
    ).toEqual({
      ...{ price: null, vwap: null, return: null, range: null },
      ...{ volumeBase: 0, volumeQuote: 0, trades: 0, deviation: null },
    })
  })
})
