import type { ChainLog } from '../../ports/chain.ts'
import { ChainError } from './errors.ts'

/** Providers say in words of their own that a range holds too many blocks or logs. */
const TOO_MUCH = /range|more than|too (many|large|big|wide)|exceed|limit|response size/i

/**
 * Reads an inclusive block range, halving it while the provider calls it too large.
 * Rejects as `read` does once a single block is refused.
 */
export async function readLogs(
  range: { readonly fromBlock: bigint; readonly toBlock: bigint },
  read: (fromBlock: bigint, toBlock: bigint) => Promise<readonly ChainLog[]>,
): Promise<readonly ChainLog[]> {
  const { fromBlock, toBlock } = range
  if (fromBlock > toBlock) return []
  try {
    return await read(fromBlock, toBlock)
  } catch (error) {
    const splits =
      error instanceof ChainError &&
      error.code === 'CHAIN_RPC_ERROR' &&
      TOO_MUCH.test(error.data.reason ?? '')
    if (!splits || fromBlock === toBlock) throw error
  }
  const middle = (fromBlock + toBlock) / 2n
  const lower = await readLogs({ fromBlock, toBlock: middle }, read)
  const upper = await readLogs({ fromBlock: middle + 1n, toBlock }, read)
  return [...lower, ...upper]
}
