import type { Pool } from 'pg'
import { decodeCheckpoint } from './checkpoint.ts'

/** How far a backfill is, and how long it still takes at the speed so far. */
export interface BuildProgress {
  /** 0 to 1. */
  readonly progress: number
  readonly secondsLeft: number | null
}

interface Span {
  readonly done: number
  readonly all: number
}

/**
 * Blocks read of the blocks to be read, from the checkpoints that Ponder writes as it goes. Null before it wrote any.
 *
 * @param starts first block to index, by chain
 */
export async function readProgress(
  pool: Pool,
  schema: string,
  starts: ReadonlyMap<number, number>,
): Promise<number | null> {
  const { rows } = await pool.query<{ chain: string; latest: string; finalized: string }>(
    `select chain_id::text as chain, latest_checkpoint as latest, finalized_checkpoint as finalized
     from "${schema}"."_ponder_checkpoint"`,
  )
  const spans = rows.flatMap(({ chain, latest, finalized }): Span[] => {
    const start = starts.get(Number(chain))
    const [at, end] = [decodeCheckpoint(latest), decodeCheckpoint(finalized)]
    if (start === undefined || at === null || end === null) return []
    const all = Math.max(0, Number(end.blockNumber) - start)
    return [{ all, done: Math.min(all, Math.max(0, Number(at.blockNumber) - start)) }]
  })
  const all = spans.reduce((sum, span) => sum + span.all, 0)
  if (spans.length === 0 || all === 0) return null
  return spans.reduce((sum, span) => sum + span.done, 0) / all
}

/** Remembers when a backfill was first seen, and estimates by that. */
export class Estimate {
  #first: { readonly atMs: number; readonly progress: number } | null = null

  at(nowMs: number, progress: number): BuildProgress {
    this.#first ??= { atMs: nowMs, progress }
    const { atMs, progress: before } = this.#first
    const speed = (progress - before) / (nowMs - atMs)
    const secondsLeft = speed > 0 ? Math.round((1 - progress) / speed / 1_000) : null
    return { progress, secondsLeft }
  }
}
