import type { Hex } from '../../../node/ports/chain.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import { logId, lower, type Place } from './event.ts'

const BAR_SECONDS = 10n
const PRICE_ONE = 10n ** 18n

export interface Reserves {
  readonly reserve0: bigint
  readonly reserve1: bigint
}

export interface SwapArgs {
  readonly sender: Hex
  readonly to: Hex
  readonly amount0In: bigint
  readonly amount1In: bigint
  readonly amount0Out: bigint
  readonly amount1Out: bigint
}

/** Token1 per token0 in base units, 18 decimals: floor(reserve1 * 10^18 / reserve0). Null for an empty pool. */
export function priceOf({ reserve0, reserve1 }: Reserves): bigint | null {
  return reserve0 === 0n ? null : (reserve1 * PRICE_ONE) / reserve0
}

/** Unix seconds at which the bar of `timestamp` begins. */
export function barStart(timestamp: bigint): bigint {
  return timestamp - (timestamp % BAR_SECONDS)
}

export function poolSyncRow(place: Place, { reserve0, reserve1 }: Reserves): Row<'poolSync'> {
  return {
    id: logId(place),
    chainId: place.chainId,
    pool: lower(place.address),
    blockNumber: place.blockNumber,
    logIndex: place.logIndex,
    timestamp: place.timestamp,
    reserve0,
    reserve1,
  }
}

export function poolSwapRow(place: Place, args: SwapArgs): Row<'poolSwap'> {
  return {
    id: logId(place),
    chainId: place.chainId,
    pool: lower(place.address),
    blockNumber: place.blockNumber,
    logIndex: place.logIndex,
    transactionHash: lower(place.transactionHash),
    timestamp: place.timestamp,
    sender: lower(args.sender),
    recipient: lower(args.to),
    amount0In: args.amount0In,
    amount1In: args.amount1In,
    amount0Out: args.amount0Out,
    amount1Out: args.amount1Out,
  }
}

/** A pool seen for the first time, before its event is applied. */
export function newPool(place: Place, tokens: { readonly token0: Hex; readonly token1: Hex }): Row<'pool'> {
  return {
    chainId: place.chainId,
    address: lower(place.address),
    token0: lower(tokens.token0),
    token1: lower(tokens.token1),
    swapCount: 0,
    reserve0: 0n,
    reserve1: 0n,
    updatedBlock: place.blockNumber,
  }
}

export function afterSync(pool: Row<'pool'>, place: Place, { reserve0, reserve1 }: Reserves): Row<'pool'> {
  return { ...pool, reserve0, reserve1, updatedBlock: place.blockNumber }
}

export function afterSwap(pool: Row<'pool'>, place: Place): Row<'pool'> {
  return { ...pool, swapCount: pool.swapCount + 1, updatedBlock: place.blockNumber }
}

export function barId(place: Place): string {
  return `${place.chainId}-${lower(place.address)}-${barStart(place.timestamp)}`
}

/**
 * The bar of a swap after that swap. Its price is that of the pool's reserves: Uniswap V2 emits `Sync` just before
 * `Swap`, so the pool row already holds the reserves which the swap left. A `Sync` of a mint or burn moves no bar.
 *
 * @param bar the bar so far; null at its first swap
 * @param pool after the swap's `Sync`
 * @returns null when the pool holds no token0, so that there is no price
 */
export function barAfterSwap(
  bar: Row<'poolBar'> | null,
  pool: Row<'pool'>,
  place: Place,
  args: SwapArgs,
): Row<'poolBar'> | null {
  const price = priceOf(pool)
  if (price === null) return bar
  const before: Row<'poolBar'> = bar ?? {
    id: barId(place),
    chainId: place.chainId,
    pool: lower(place.address),
    start: barStart(place.timestamp),
    open: price,
    high: price,
    low: price,
    close: price,
    volume0: 0n,
    volume1: 0n,
    swapCount: 0,
    lastBlock: place.blockNumber,
  }
  return {
    ...before,
    high: price > before.high ? price : before.high,
    low: price < before.low ? price : before.low,
    close: price,
    volume0: before.volume0 + args.amount0In + args.amount0Out,
    volume1: before.volume1 + args.amount1In + args.amount1Out,
    swapCount: before.swapCount + 1,
    lastBlock: place.blockNumber,
  }
}
