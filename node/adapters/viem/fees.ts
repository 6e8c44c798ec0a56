import { parseGwei } from 'viem'
import { quantityOf } from './decode.ts'
import { ChainError } from './errors.ts'
import type { ProviderPool } from './provider-pool.ts'

/** Wei per gas: EIP-1559 where the chain has a base fee, a single price where it has not. */
export type Fees =
  | { readonly type: 'eip1559'; readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }
  | { readonly type: 'legacy'; readonly gasPrice: bigint }

/** What to offer where the chain does not suggest a tip. */
const DEFAULT_TIP = parseGwei('1')

/** The most that a transaction of these fees may pay for a unit of gas. */
export function ceiling(fees: Fees): bigint {
  return fees.type === 'eip1559' ? fees.maxFeePerGas : fees.gasPrice
}

/**
 * Fees that the chain takes now, not above `cap`. Twice the base fee holds for six full blocks in a row: it rises by
 * an eighth a block at most (EIP-1559).
 */
export async function marketFees(pool: ProviderPool, cap: bigint): Promise<Fees> {
  const baseFee = await pool.request('eth_getBlockByNumber', ['latest', false], baseFeeOf)
  if (baseFee === null) {
    const price = await pool.request('eth_gasPrice', [], quantityOf)
    return { type: 'legacy', gasPrice: least(price + price / 10n, cap) }
  }
  const tip = await pool.request('eth_maxPriorityFeePerGas', [], quantityOf).catch((error: unknown) => {
    if (error instanceof ChainError && error.code === 'CHAIN_RPC_ERROR') return DEFAULT_TIP
    throw error
  })
  const maxFeePerGas = least(2n * baseFee + tip, cap)
  return { type: 'eip1559', maxFeePerGas, maxPriorityFeePerGas: least(tip, maxFeePerGas) }
}

/**
 * Fees for a replacement: at least an eighth above what was offered (clients ask for a tenth on both fees) and not
 * below the market. Null when `cap` leaves no room for that.
 */
export function bumpedFees(old: Fees, market: Fees, cap: bigint): Fees | null {
  if (old.type === 'legacy' || market.type === 'legacy') {
    const gasPrice = most(raised(ceiling(old)), ceiling(market))
    return gasPrice > cap ? null : { type: 'legacy', gasPrice }
  }
  const maxFeePerGas = most(raised(old.maxFeePerGas), market.maxFeePerGas)
  const tip = most(raised(old.maxPriorityFeePerGas), market.maxPriorityFeePerGas)
  if (maxFeePerGas > cap) return null
  return { type: 'eip1559', maxFeePerGas, maxPriorityFeePerGas: least(tip, maxFeePerGas) }
}

/** An eighth more, rounded up. */
function raised(fee: bigint): bigint {
  return fee + fee / 8n + 1n
}

function baseFeeOf(block: unknown): bigint | null {
  if (typeof block !== 'object' || block === null) throw new TypeError('Not a block')
  const fee = 'baseFeePerGas' in block ? block.baseFeePerGas : undefined
  return fee === undefined || fee === null ? null : quantityOf(fee)
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
