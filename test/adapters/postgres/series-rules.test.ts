import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventFill, poolFill } from '../../../node/adapters/postgres/series-fill.ts'
import { foldTrades, type Trade } from '../../../node/adapters/postgres/series-fold.ts'
import {
  candleKinds,
  canMakeAnew,
  tradeKind,
  wantedSince,
} from '../../../node/adapters/postgres/series-kinds.ts'
import { rollingRange } from '../../../node/adapters/postgres/series-rolling.ts'

const E18 = 10n ** 18n
const DAY = 86_400

function swap(amount0In: bigint, amount1In: bigint, amount0Out: bigint, amount1Out: bigint) {
  const amounts = { amount0In, amount1In, amount0Out, amount1Out }
  return Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, value.toString()]))
}

describe('a fill', () => {
  it('of a pool is what moved on balance, either way', () => {
    const traded = { base: 2n, quote: 6n, price: 3n * E18 }
    expect(poolFill(swap(2n, 0n, 0n, 6n))).toEqual(traded)
    expect(poolFill(swap(0n, 6n, 2n, 0n))).toEqual(traded)
    // A flash swap that pays back in part.
    expect(poolFill(swap(5n, 1n, 3n, 7n))).toEqual(traded)
  })

  it('is none where nothing of one side moved', () => {
    expect(poolFill(swap(2n, 0n, 2n, 6n))).toBeNull()
    expect(poolFill(swap(2n, 0n, 0n, 0n))).toBeNull()
    expect(poolFill({ of: 'something else' })).toBeNull()
    expect(eventFill({ base: 'a', quote: 'b' }, { a: '0', b: '1' })).toBeNull()
  })

  it('of an event has amounts whose sign does not count, or a price with its scale', () => {
    expect(eventFill({ base: 'a', quote: 'b' }, { a: '-2', b: '6' })).toEqual({
      ...{ base: 2n, quote: 6n, price: 3n * E18 },
    })
    const fields = { base: 'a', price: 'p', priceScale: 8 }
    expect(eventFill(fields, { a: '4', p: '150000000' })).toEqual({
      ...{ base: 4n, quote: 6n, price: (3n * E18) / 2n },
    })
    expect(eventFill(fields, { a: '4', p: '0' })).toBeNull()
  })

  it.each([[{ a: '1' }], [{ a: '1', b: 'x' }], [{ a: '1', b: 2 }], [['1', '2']], [null], ['a']])(
    'is none of what has no such integers: %j',
    (data) => {
      expect(eventFill({ base: 'a', quote: 'b' }, data)).toBeNull()
      expect(eventFill({ base: 'constructor', quote: 'toString' }, data)).toBeNull()
    },
  )

  it('is exact with the largest amounts that there are', () => {
    const most = 2n ** 256n - 1n
    expect(poolFill(swap(1n, 0n, 0n, most))?.price).toBe(most * E18)
  })
})

const trade = (time: number, block: bigint, logIndex: number, price: bigint): Trade => ({
  ...{ series: 1n, eventId: block * 100n + BigInt(logIndex), time, block, logIndex },
  ...{ base: 2n, quote: 2n * price, price },
})

describe('folding', () => {
  it('makes every width of the trades, whatever their order', () => {
    const trades = [trade(59, 3n, 0, 5n), trade(60, 4n, 1, 1n), trade(60, 4n, 0, 9n), trade(61, 5n, 0, 4n)]
    const of = (width: number, start: number) =>
      foldTrades(trades).find((candle) => candle.width === width && candle.start === start)
    expect(of(1, 60)).toMatchObject({ open: 9n, high: 9n, low: 1n, close: 1n, trades: 2 })
    expect(of(60, 60)).toMatchObject({ open: 9n, high: 9n, low: 1n, close: 4n, base: 6n, trades: 3 })
    expect(of(DAY, 0)).toMatchObject({ open: 5n, high: 9n, low: 1n, close: 4n, quote: 38n, trades: 4 })
    const sorted = (list: readonly Trade[]) =>
      foldTrades(list)
        .map((candle) =>
          JSON.stringify(candle, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
        )
        .toSorted()
    fc.assert(
      fc.property(fc.shuffledSubarray(trades, { minLength: trades.length }), (shuffled) => {
        expect(sorted(shuffled)).toEqual(sorted(trades))
      }),
    )
  })
})

describe('what is kept', () => {
  it('moves by whole partitions, and never back', () => {
    expect(wantedSince(tradeKind, 7 * DAY, 10 * DAY + 5, 0)).toBe(3 * DAY)
    expect(wantedSince(tradeKind, 7 * DAY, 10 * DAY - 1, 3 * DAY)).toBe(3 * DAY)
    expect(wantedSince(tradeKind, 7 * DAY, 5 * DAY, 0)).toBe(0)
    expect(wantedSince(tradeKind, null, 5_000 * DAY, 0)).toBe(0)
  })

  it('says whether a moment can be made anew', () => {
    const kept = new Map([
      [0, 1_000],
      [1, 500],
      [10, 0],
    ])
    expect(canMakeAnew(1_000, kept)).toBe(true)
    // The trades of that second are gone, its candle is not.
    expect(canMakeAnew(999, kept)).toBe(false)
    // Both are, and the wider candle needs them.
    expect(canMakeAnew(400, kept)).toBe(false)
    expect(canMakeAnew(400, new Map([tradeKind, ...candleKinds].map(({ id }) => [id, 1_000])))).toBe(true)
  })
})

describe('a rolling window', () => {
  it.each([
    [60, 1],
    [3_600, 1],
    [3_601, 10],
    [DAY, 60],
    [30 * DAY, 900],
    [3_600 * DAY, DAY],
  ])('of %i s is made of candles of %i s', (windowSeconds, width) => {
    expect(rollingRange({ windowSeconds, until: 400_000_000 }, new Map())?.kind.id).toBe(width)
  })

  it('fits exactly in seconds, and grows to whole candles where those are gone', () => {
    expect(rollingRange({ windowSeconds: 60, until: 1_234 }, new Map())).toMatchObject({
      from: 1_175,
      until: 1_234,
    })
    expect(rollingRange({ windowSeconds: 60, until: 1_234 }, new Map([[1, 1_200]]))).toMatchObject({
      ...{ from: 1_170, until: 1_239, kind: { id: 10 } },
    })
    const nothing = new Map(candleKinds.map(({ id }) => [id, 1_200]))
    expect(rollingRange({ windowSeconds: 60, until: 1_234 }, nothing)).toBeNull()
    expect(rollingRange({ windowSeconds: 3_601 * DAY, until: 400_000_000 }, new Map())).toBeNull()
  })
})
