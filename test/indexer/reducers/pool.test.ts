import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  afterSwap,
  afterSync,
  barAfterSwap,
  barId,
  barStart,
  newPool,
  poolSwapRow,
  poolSyncRow,
  priceOf,
  type SwapArgs,
} from '../../../indexer/src/reducers/pool.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import { pool as address, place } from '../place.ts'

const tokens = { token0: `0x${'0A'.repeat(20)}`, token1: `0x${'0B'.repeat(20)}` } as const

function swapArgs(change: Partial<SwapArgs> = {}): SwapArgs {
  const none = { amount0In: 0n, amount1In: 0n, amount0Out: 0n, amount1Out: 0n }
  return { sender: address, to: address, ...none, ...change }
}

/** A mint or burn (reserves only), or a swap: its `Sync`, then its `Swap`, `gap` seconds after what came before. */
interface Step {
  readonly gap: number
  readonly reserve0: bigint
  readonly reserve1: bigint
  readonly swap: Pick<SwapArgs, 'amount0In' | 'amount1In' | 'amount0Out' | 'amount1Out'> | null
}

const uint112 = fc.bigInt(1n, 2n ** 112n - 1n)
const amount = fc.bigInt(0n, 2n ** 112n - 1n)
const step: fc.Arbitrary<Step> = fc.record({
  gap: fc.nat(25),
  reserve0: uint112,
  reserve1: uint112,
  swap: fc.option(
    fc.record({ amount0In: amount, amount1In: amount, amount0Out: amount, amount1Out: amount }),
  ),
})

function replay(steps: readonly Step[]): { pool: Row<'pool'> | null; bars: Row<'poolBar'>[] } {
  const bars = new Map<string, Row<'poolBar'>>()
  let pool: Row<'pool'> | null = null
  let timestamp = 1_700_000_000n
  steps.forEach(({ gap, swap, ...reserves }, at) => {
    timestamp += BigInt(gap)
    const here = place({ blockNumber: BigInt(at), timestamp })
    pool = afterSync(pool ?? newPool(here, tokens), here, reserves)
    if (swap === null) return
    pool = afterSwap(pool, here)
    const bar = barAfterSwap(bars.get(barId(here)) ?? null, pool, here, swapArgs(swap))
    if (bar !== null) bars.set(bar.id, bar)
  })
  return { pool, bars: [...bars.values()] }
}

/** The same bars from the definition: group the swaps by 10 s, look at all prices of a group. */
function naiveBars(steps: readonly Step[]) {
  let timestamp = 1_700_000_000n
  const swaps = steps.flatMap(({ gap, swap, reserve0, reserve1 }, at) => {
    timestamp += BigInt(gap)
    return swap === null
      ? []
      : [{ ...swap, at, start: (timestamp / 10n) * 10n, price: (reserve1 * 10n ** 18n) / reserve0 }]
  })
  return [...new Set(swaps.map(({ start }) => start))].map((start) => {
    const inBar = swaps.filter((swap) => swap.start === start)
    const prices = inBar.map(({ price }) => price)
    const sorted = [...prices].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    const total = (of: (swap: (typeof inBar)[number]) => bigint) =>
      inBar.reduce((sum, swap) => sum + of(swap), 0n)
    return {
      start,
      open: prices[0],
      high: sorted.at(-1),
      low: sorted[0],
      close: prices.at(-1),
      volume0: total((swap) => swap.amount0In + swap.amount0Out),
      volume1: total((swap) => swap.amount1In + swap.amount1Out),
      swapCount: inBar.length,
      lastBlock: BigInt(inBar.at(-1)?.at ?? -1),
    }
  })
}

describe('pool reducers', () => {
  it('makes the bars that the definition makes, of any sequence of events', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { pool, bars } = replay(steps)
        expect(bars).toEqual(naiveBars(steps).map((bar) => expect.objectContaining(bar)))
        const last = steps.at(-1)
        expect(pool === null).toBe(last === undefined)
        if (last !== undefined) {
          expect(pool).toMatchObject({
            reserve0: last.reserve0,
            reserve1: last.reserve1,
            swapCount: steps.filter(({ swap }) => swap !== null).length,
            updatedBlock: BigInt(steps.length - 1),
          })
        }
      }),
      { numRuns: 200 },
    )
  })

  it('prices token1 per token0 with 18 decimals, rounded down', () => {
    expect(priceOf({ reserve0: 3n, reserve1: 2n })).toBe(666_666_666_666_666_666n)
    expect(priceOf({ reserve0: 10n ** 18n, reserve1: 2_000n * 10n ** 6n })).toBe(2_000n * 10n ** 6n)
    expect(priceOf({ reserve0: 0n, reserve1: 2n })).toBeNull()
  })

  it('begins bars at multiples of 10 s', () => {
    expect([1_699_999_999n, 1_700_000_000n, 1_700_000_009n].map(barStart)).toEqual([
      1_699_999_990n,
      1_700_000_000n,
      1_700_000_000n,
    ])
  })

  it('makes no bar of an emptied pool, and keeps one that is there', () => {
    const empty = newPool(place(), tokens)
    expect(barAfterSwap(null, empty, place(), swapArgs())).toBeNull()
    const bar = barAfterSwap(
      null,
      afterSync(empty, place(), { reserve0: 1n, reserve1: 1n }),
      place(),
      swapArgs(),
    )
    expect(bar).not.toBeNull()
    expect(barAfterSwap(bar, empty, place(), swapArgs())).toBe(bar)
  })

  it('names pools and accounts in lower case', () => {
    const lower = address.toLowerCase()
    expect(newPool(place(), tokens)).toMatchObject({ address: lower, token0: `0x${'0a'.repeat(20)}` })
    expect(poolSyncRow(place(), { reserve0: 5n, reserve1: 6n })).toMatchObject({
      pool: lower,
      reserve0: 5n,
      reserve1: 6n,
    })
    const row = poolSwapRow(place(), swapArgs({ amount0In: 1n, amount1Out: 2n }))
    expect(row).toMatchObject({
      sender: lower,
      recipient: lower,
      amount0In: 1n,
      amount1Out: 2n,
      amount0Out: 0n,
    })
  })
})
