import type { Hex } from '../../../node/ports/chain.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { PoolConfig } from '../config.ts'
import { OracleError } from '../errors.ts'
import type { FeedSource } from './source.ts'

/** Reserves of one pool in base units, base token first. */
export interface PoolReserves {
  readonly base: bigint
  readonly quote: bigint
  readonly baseDecimals: number
  readonly quoteDecimals: number
}

/**
 * Sum of quote liquidity times price over sum of quote liquidity, in `decimals` decimals, rounded down. The weight is
 * the quote side in common decimals, so a thin pool hardly moves the price. Null when no pool has liquidity.
 */
export function liquidityWeightedPrice(pools: readonly PoolReserves[], decimals: number): bigint | null {
  let weighted = 0n
  let weights = 0n
  for (const pool of pools) {
    if (pool.base === 0n || pool.quote === 0n) continue
    // 36 decimals on the way: the division by the weights is the only one that rounds visibly.
    const price =
      (pool.quote * 10n ** BigInt(36 + pool.baseDecimals - pool.quoteDecimals + 36)) / pool.base / 10n ** 36n
    const weight = pool.quote * 10n ** BigInt(36 - pool.quoteDecimals)
    weighted += price * weight
    weights += weight
  }
  return weights === 0n ? null : weighted / weights / 10n ** BigInt(36 - decimals)
}

/** Spot price over pools, from the reserves after the last `Sync` up to each chain's pinned block. */
export function poolPriceSource(
  options: { pools: readonly PoolConfig[]; decimals: number },
  modules: { index: IndexReader },
): FeedSource {
  return {
    async observe(query) {
      const reserves = await Promise.all(
        options.pools.map(async (pool): Promise<PoolReserves[]> => {
          const pin = query.pins.find((candidate) => candidate.chainId === pool.chainId)
          if (pin === undefined) return []
          const [sync] = await modules.index.select({
            table: 'poolSync',
            where: [
              { column: 'chainId', op: '=', value: pool.chainId },
              { column: 'pool', op: '=', value: pool.address.toLowerCase() as Hex },
              { column: 'blockNumber', op: '<=', value: pin.number },
            ],
            orderBy: [
              { column: 'blockNumber', direction: 'desc' },
              { column: 'logIndex', direction: 'desc' },
            ],
            limit: 1,
          })
          if (sync === undefined) return []
          const [base, quote] =
            pool.base === 'token0' ? [sync.reserve0, sync.reserve1] : [sync.reserve1, sync.reserve0]
          return [{ base, quote, baseDecimals: pool.baseDecimals, quoteDecimals: pool.quoteDecimals }]
        }),
      )
      const price = liquidityWeightedPrice(reserves.flat(), options.decimals)
      if (price === null)
        throw new OracleError(
          'ORACLE_NO_DATA',
          'no pool of this feed has liquidity at the pinned blocks',
          {},
          { retry: true },
        )
      return price
    },
  }
}
