import type { Clock, Timer } from '../ports/clock.ts'
import { type IndexReader, lagSecondsOf } from '../ports/index-reader.ts'
import type { Json } from '../ports/json.ts'

const POLL_MS = 250

/** Publishes a `block` event whenever a chain's head or its index moves. Returns what ends it. */
export function publishBlocks(
  options: {
    index: Pick<IndexReader, 'freshness'>
    publish: (event: { type: string; data: Json }) => void
  },
  { clock }: { clock: Clock },
): () => void {
  const seen = new Map<number, string>()
  let timer: Timer
  let ended = false
  const look = async () => {
    try {
      for (const chain of await options.index.freshness()) {
        const { chainId, name, head, indexed, finalized, lagBlocks } = chain
        if (head === null) continue
        const state = `${head.hash} ${indexed?.number ?? ''}`
        if (seen.get(chainId) === state) continue
        seen.set(chainId, state)
        options.publish({
          type: 'block',
          data: {
            chainId,
            name,
            head: head.number.toString(),
            hash: head.hash,
            timestamp: head.timestamp,
            indexed: indexed === null ? null : indexed.number.toString(),
            finalized: finalized === null ? null : finalized.toString(),
            lagBlocks,
            lagSeconds: lagSecondsOf(chain),
          },
        })
      }
    } catch {
      // The index being away shows in readiness and in every answer's meta; the stream just has no news.
    }
    if (!ended) timer = clock.setTimer(POLL_MS, look)
  }
  timer = clock.setTimer(POLL_MS, look)
  return () => {
    ended = true
    timer.cancel()
  }
}
