/** Reserves of one pool in base units of its tokens. */
export interface PoolReserves {
  readonly base: bigint
  readonly quote: bigint
  readonly baseDecimals: number
  readonly quoteDecimals: number
}

/** Both tokens with 36 decimals. */
interface Depth {
  readonly base: bigint
  readonly quote: bigint
  /** sqrt(base * quote): what a trade does not change, unlike either side. */
  readonly liquidity: bigint
}

/**
 * Price of the pools taken as one: all quote over all base, in `decimals` decimals, rounded down. Each pool weighs by
 * its base side, so that pushing one pool up costs capital in proportion to the liquidity of all of them.
 *
 * Pools farther than `maxDivergencePpm` from the liquidity-weighted median are left out first: a thin pool can be moved
 * anywhere for little. Liquidity is the square root of k, which a manipulator can raise only by depositing.
 *
 * @returns null when no pool has liquidity, or the pools that are left hold no more than half of all liquidity: nobody
 * can say then which of them is right
 */
export function liquidityWeightedPrice(
  pools: readonly PoolReserves[],
  options: { decimals: number; maxDivergencePpm: number },
): bigint | null {
  const filled = pools.filter((pool) => pool.base > 0n && pool.quote > 0n).map(depthOf)
  const reference = medianPool(filled)
  if (reference === null) return null
  const kept = filled.filter((pool) => near(pool, reference, options.maxDivergencePpm))
  if (2n * sum(kept, 'liquidity') <= sum(filled, 'liquidity')) return null
  return (sum(kept, 'quote') * 10n ** BigInt(options.decimals)) / sum(kept, 'base')
}

function depthOf(pool: PoolReserves): Depth {
  const base = pool.base * 10n ** BigInt(36 - pool.baseDecimals)
  const quote = pool.quote * 10n ** BigInt(36 - pool.quoteDecimals)
  return { base, quote, liquidity: squareRoot(base * quote) }
}

/** The pool at whose price the pools up to it hold at least half of the liquidity. */
function medianPool(pools: readonly Depth[]): Depth | null {
  const rising = [...pools].sort((a, b) => {
    const order = a.quote * b.base - b.quote * a.base
    return order < 0n ? -1 : order > 0n ? 1 : 0
  })
  const total = sum(rising, 'liquidity')
  let below = 0n
  for (const pool of rising) {
    below += pool.liquidity
    if (2n * below >= total) return pool
  }
  return null
}

/** |p - r| <= r * ppm / 1e6, with both prices as fractions. */
function near(pool: Depth, reference: Depth, ppm: number): boolean {
  const price = pool.quote * reference.base
  const wanted = reference.quote * pool.base
  const distance = price > wanted ? price - wanted : wanted - price
  return distance * 1_000_000n <= wanted * BigInt(ppm)
}

const sum = (pools: readonly Depth[], side: keyof Depth): bigint =>
  pools.reduce((total, pool) => total + pool[side], 0n)

/** Rounded down; Newton's method from above. */
function squareRoot(value: bigint): bigint {
  let guess = 1n << BigInt((value.toString(2).length >> 1) + 1)
  for (;;) {
    const next = (guess + value / guess) >> 1n
    if (next >= guess) return guess
    guess = next
  }
}
