import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BarClose, logReturns } from '../../../plugins/oracle/sources/log-returns.ts'

const options = { window: 6, barSeconds: 10, invert: false }
const END = 1_000

/** Straight from the definition: the price at the end of bar t is the last close of a bar that starts no later. */
function naive(bars: readonly BarClose[], window: number, invert: boolean): number[] | null {
  const priceAt = (start: number): bigint | undefined =>
    bars
      .filter((bar) => bar.start <= start)
      .sort((a, b) => b.start - a.start)
      .at(0)?.close
  const returns: number[] = []
  for (let t = window; t >= 1; t--) {
    const now = priceAt(END - t * 10)
    const before = priceAt(END - t * 10 - 10)
    if (now === undefined || before === undefined) return null
    const change = Math.log(Number(now) / Number(before))
    returns.push(Math.fround(invert ? -change : change))
  }
  return returns
}

const series = fc
  .uniqueArray(fc.integer({ min: 0, max: 110 }), { maxLength: 40 })
  .chain((starts) =>
    fc.tuple(
      ...starts.map((start) =>
        fc.bigInt({ min: 1n, max: 10n ** 30n }).map((close) => ({ start: start * 10, close })),
      ),
    ),
  )

test('equals the definition, for any gaps, in any order', () => {
  fc.assert(
    fc.property(series, fc.integer({ min: 1, max: 50 }), fc.boolean(), (bars, window, invert) => {
      const found = logReturns(bars, END, { window, barSeconds: 10, invert })
      const expected = naive(bars, window, invert)
      expect(found === null ? null : [...found].map((value) => value + 0)).toEqual(
        expected?.map((value) => value + 0) ?? null,
      )
    }),
    { numRuns: 300 },
  )
})

describe('by hand', () => {
  const bars = [
    { start: 930, close: 100n },
    { start: 950, close: 110n },
    { start: 990, close: 55n },
    { start: 1_000, close: 7n },
  ]

  test('gaps are zero, the bar at the end is not looked at', () => {
    const [a = 0, ...rest] = logReturns(bars, END, options) ?? []
    expect(a).toBe(0)
    expect(rest).toHaveLength(5)
    expect(rest.map((value) => value.toFixed(5))).toEqual([
      Math.log(1.1).toFixed(5),
      '0.00000',
      '0.00000',
      '0.00000',
      Math.log(0.5).toFixed(5),
    ])
  })

  test('inverted: the other token is priced', () => {
    const straight = [...(logReturns(bars, END, options) ?? [])]
    const inverted = [...(logReturns(bars, END, { ...options, invert: true }) ?? [])]
    expect(inverted.map((value) => value + 0)).toEqual(straight.map((value) => 0 - value))
  })

  test('the first close must be known: a bar at the first boundary will do, one later will not', () => {
    expect(logReturns([{ start: 930, close: 1n }], END, options)).toEqual(new Float32Array(6))
    expect(logReturns([{ start: 940, close: 1n }], END, options)).toBeNull()
    expect(logReturns([], END, options)).toBeNull()
  })

  test('a close of zero is no price', () => {
    expect(logReturns([{ start: 0, close: 0n }], END, options)).toBeNull()
    expect(logReturns([...bars, { start: 970, close: 0n }], END, options)).toBeNull()
  })
})
