import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Trade, tradeTowards } from '../../../node/devnet/market/trade.ts'

interface Reserves {
  reserve0: bigint
  reserve1: bigint
}

const WAD = 10n ** 18n
const priceOf = ({ reserve0, reserve1 }: Reserves) => (reserve1 * WAD) / reserve0

/** What a pool with a fee of 0.3 % makes of it (Uniswap v2, section 3.2.1). */
function after({ reserve0, reserve1 }: Reserves, { zeroForOne, amountIn }: Trade): Reserves {
  const [into, from] = zeroForOne ? [reserve0, reserve1] : [reserve1, reserve0]
  const charged = amountIn * 997n
  const out = (charged * from) / (into * 1_000n + charged)
  return zeroForOne
    ? { reserve0: into + amountIn, reserve1: from - out }
    : { reserve0: from - out, reserve1: into + amountIn }
}

/** Both tokens with enough base units for a price of six digits, whichever of them has how many decimals. */
const reserves = fc
  .record({
    reserve0: fc.bigInt({ min: 10n ** 12n, max: 10n ** 27n }),
    reserve1: fc.bigInt({ min: 10n ** 12n, max: 10n ** 27n }),
  })
  .filter((pool) => priceOf(pool) >= 1_000_000n)
/** Moves from half to twice the price. */
const ppm = fc.bigInt({ min: 500_000n, max: 2_000_000n })

test('one trade brings the price to the target, within the fee', () => {
  fc.assert(
    fc.property(reserves, ppm, (before, move) => {
      const target = (priceOf(before) * move) / 1_000_000n
      const price = priceOf(after(before, tradeTowards(before, target)))
      const gap = price > target ? price - target : target - price
      // The fee stays in the pool: it takes back 0.3 % of the way, and integers of small pools the rest.
      expect(gap * 1_000n).toBeLessThanOrEqual(target * 4n)
    }),
  )
})

test('it goes the right way, and never trades nothing', () => {
  fc.assert(
    fc.property(reserves, ppm, (before, move) => {
      const target = (priceOf(before) * move) / 1_000_000n
      const trade = tradeTowards(before, target)
      expect(trade.amountIn).toBeGreaterThan(0n)
      // Selling token0 makes it cheaper. Where the price is the target already, either way will do.
      if (move < 999_999n) expect(trade.zeroForOne).toBe(true)
      if (move > 1_000_001n) expect(trade.zeroForOne).toBe(false)
    }),
  )
})

test('again and again towards the same price it stays there', () => {
  let pool: Reserves = { reserve0: 4_000_000n * WAD, reserve1: 10_000_000n * 10n ** 6n }
  const target = (priceOf(pool) * 103n) / 100n
  for (let times = 0; times < 50; times++) pool = after(pool, tradeTowards(pool, target))
  const gap = priceOf(pool) - target
  expect((gap < 0n ? -gap : gap) * 10_000n).toBeLessThan(target)
})
