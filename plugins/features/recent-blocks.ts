import type { BlockRef, ChainReader } from '../../node/ports/chain.ts'
import type { Clock } from '../../node/ports/clock.ts'

type Blocks = Pick<ChainReader, 'block'>

const MOST = 1_000
/** Milliseconds. A reorganisation may make it another block, so it is not kept for long. */
const KEPT_MS = 10_000

/**
 * The chain's blocks, each asked for once in ten seconds at most: anyone may ask this node, and its providers are paid
 * for. What is not there, and what failed, is asked for again.
 */
export function recentBlocks(chain: Blocks, clock: Pick<Clock, 'monotonic'>): Blocks {
  /** Oldest first. */
  const kept = new Map<string, { readonly block: Promise<BlockRef | null>; readonly until: number }>()
  return {
    block(chainId, at) {
      const key = `${chainId}:${at}`
      const now = clock.monotonic()
      const known = kept.get(key)
      if (known !== undefined && now < known.until) return known.block
      const entry = { block: chain.block(chainId, at), until: now + KEPT_MS }
      kept.delete(key)
      kept.set(key, entry)
      const [oldest] = kept.keys()
      if (kept.size > MOST && oldest !== undefined) kept.delete(oldest)
      const forget = () => {
        if (kept.get(key) === entry) kept.delete(key)
      }
      entry.block.then((block) => block ?? forget(), forget)
      return entry.block
    },
  }
}
