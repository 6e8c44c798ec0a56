import type { BlockRef, ChainReader } from '../../node/ports/chain.ts'
import type { Clock } from '../../node/ports/clock.ts'
import type { IndexReader } from '../../node/ports/index-reader.ts'
import { blockSlots } from '../../node/ports/index-tables.ts'

interface Modules {
  readonly chain: Pick<ChainReader, 'block'>
  readonly index: Pick<IndexReader, 'select' | 'freshness'>
  readonly clock: Pick<Clock, 'monotonic'>
}

const MOST = 1_000
/** Milliseconds that a block is kept which no reorganisation replaces, and any other. */
const [FINAL_MS, OPEN_MS] = [10_000, 1_000]

/**
 * A chain's blocks. Those that a reorganisation may replace come out of the index, where it has them: it is its branch whose
 * transfers count. The chain is asked for each of the others once in ten seconds at most, once in one where it is not
 * final: anyone may ask this node, and its providers are paid for. What is not there, and what failed, is asked for again.
 *
 * Rejects with `IndexError`, `ChainError`.
 */
export function recentBlocks({ chain, index, clock }: Modules): {
  block(chainId: number, at: bigint): Promise<BlockRef | null>
} {
  /** Oldest first. */
  const kept = new Map<string, { readonly block: Promise<BlockRef | null>; readonly until: number }>()
  return {
    async block(chainId, at) {
      const indexed = await indexedBlock(index, chainId, at)
      if (indexed !== null) return indexed
      const fresh = (await index.freshness()).find((each) => each.chainId === chainId)
      const isFinal = at <= (fresh?.finalized ?? -1n)
      const key = `${chainId}:${at}`
      const now = clock.monotonic()
      const known = kept.get(key)
      if (known !== undefined && now < known.until) return known.block
      const entry = { block: chain.block(chainId, at), until: now + (isFinal ? FINAL_MS : OPEN_MS) }
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

/** Null where the index does not remember it: it is old, or was there before the index was live. */
async function indexedBlock(index: Modules['index'], chainId: number, at: bigint): Promise<BlockRef | null> {
  const [row] = await index.select({
    table: 'block',
    where: [
      { column: 'chainId', op: '=', value: chainId },
      { column: 'slot', op: '=', value: Number(at % BigInt(blockSlots)) },
      { column: 'number', op: '=', value: at },
    ],
    limit: 1,
  })
  if (row === undefined) return null
  const { number, hash, parentHash, timestamp } = row
  return { number, hash, parentHash, timestamp: Number(timestamp) }
}
