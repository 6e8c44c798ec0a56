import type { Hex } from '../../../node/ports/chain.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { FeedConfig, PoolConfig } from '../config.ts'
import { OracleError } from '../errors.ts'
import type { Pin } from '../feed-types.ts'
import { liquidityWeightedPrice, type PoolReserves } from './liquidity-weighted-price.ts'
import { livePins } from './live-pins.ts'
import type { FeedSource } from './source.ts'

export type PoolPriceConfig = Extract<FeedConfig['source'], { kind: 'pool-price' }>

/** Spot price over pools, from the reserves after the last `Sync` up to each chain's pinned block. */
export function poolPriceSource(
  options: { source: PoolPriceConfig; decimals: number },
  modules: { index: IndexReader },
): FeedSource {
  const { pools, maxChainLagSeconds, maxDivergencePpm } = options.source

  async function reservesAt(pool: PoolConfig, pin: Pin): Promise<PoolReserves | null> {
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
      complete: { chainId: pool.chainId, block: pin.number },
    })
    if (sync === undefined) return null
    const [base, quote] =
      pool.base === 'token0' ? [sync.reserve0, sync.reserve1] : [sync.reserve1, sync.reserve0]
    return { base, quote, baseDecimals: pool.baseDecimals, quoteDecimals: pool.quoteDecimals }
  }

  return {
    async observe(query) {
      const pins = livePins(query, maxChainLagSeconds)
      const reserves = await Promise.all(
        pools.map(async (pool) => {
          const pin = pins.find((candidate) => candidate.chainId === pool.chainId)
          return pin === undefined ? null : await reservesAt(pool, pin)
        }),
      )
      const price = liquidityWeightedPrice(
        reserves.filter((entry) => entry !== null),
        { decimals: options.decimals, maxDivergencePpm },
      )
      if (price === null)
        throw new OracleError(
          'ORACLE_NO_DATA',
          'no pool of this feed has liquidity at the pinned blocks, or their prices are too far apart',
          {},
          { retry: true },
        )
      return price
    },
  }
}
