/** A sale of one of a pool's tokens, as `PoolTrader.trade` takes it. */
export interface Trade {
  readonly zeroForOne: boolean
  /** Base units of the token sold. */
  readonly amountIn: bigint
}

/** Smallest trade, as a share of the reserve: the market is never quite still. */
const SMALLEST = 2_000_000n

/**
 * The trade that moves a constant-product pool (0.3 % fee, x y = k) to about `target`, in token1 per token0 of base
 * units with 18 decimals; at least a tiny one in the right direction.
 */
export function tradeTowards(reserves: { reserve0: bigint; reserve1: bigint }, target: bigint): Trade {
  const { reserve0, reserve1 } = reserves
  const wanted0 = squareRoot((reserve0 * reserve1 * 10n ** 18n) / target)
  const zeroForOne = wanted0 > reserve0
  const wanted1 = (reserve0 * reserve1) / (wanted0 === 0n ? 1n : wanted0)
  const [reserveIn, wantedIn] = zeroForOne ? [reserve0, wanted0] : [reserve1, wanted1]
  const smallest = reserveIn / SMALLEST + 1n
  const needed = wantedIn > reserveIn ? wantedIn - reserveIn : 0n
  return { zeroForOne, amountIn: needed > smallest ? needed : smallest }
}

/** Integer square root, rounded down (Newton). */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value
  let guess = 1n << BigInt((value.toString(2).length + 1) >> 1)
  for (;;) {
    const next = (guess + value / guess) >> 1n
    if (next >= guess) return guess
    guess = next
  }
}
