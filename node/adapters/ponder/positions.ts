import { decodeCheckpoint } from './checkpoint.ts'

/** How far the tables are complete on a chain. */
export interface Position {
  readonly chainId: number
  /** Every event up to and including this block is in the tables. */
  readonly block: bigint
  /** Unix seconds of that block; of one near it where Ponder names no other. */
  readonly timestamp: number
}

/** What `positionsSql` gives for a chain; every column as text. */
export type PositionRow = readonly [
  chainId: string,
  safeCheckpoint: string,
  isReady: string | null,
  headBlock: string | null,
  headTimestamp: string | null,
]

/**
 * Reads the positions of all chains in one statement, thus of one moment.
 *
 * Not `latest_checkpoint`: Ponder leaves it where it was while it takes rows back, in a reorganisation and when it
 * recovers from a crash, until it has indexed another block. `safe_checkpoint` covers only what Ponder never takes
 * back; `watermark` is a row of the indexer's own, written and reverted together with the rows it speaks for.
 *
 * The order of the relations is Ponder's own when it locks them, to move its views or to take rows back: the tables as
 * the indexer's schema lists them, `watermark` the last of them, then `_ponder_meta` and `_ponder_checkpoint`. Who
 * reads a table in the same transaction reads it first, and neither side can wait for the other in a circle.
 *
 * @param schema a checked schema name
 */
export function positionsSql(schema: string): string {
  return `SELECT c.chain_id::text, c.safe_checkpoint::text, m.value->>'is_ready', h.block_number::text, h.timestamp::text
    FROM "${schema}"."watermark" h
    RIGHT JOIN (
      "${schema}"."_ponder_meta" m RIGHT JOIN "${schema}"."_ponder_checkpoint" c ON m.key = 'app'
    ) ON h.chain_id = c.chain_id`
}

/** The position that a row tells; null when nothing is indexed yet. */
export function positionOf([chainId, safe, isReady, headBlock, headTimestamp]: PositionRow): Position | null {
  const found = [safePosition(safe, isReady === '1'), headPosition(headBlock, headTimestamp)]
    .filter((position) => position !== null)
    .reduce<Omit<Position, 'chainId'> | null>(
      (best, position) => (best === null || position.block > best.block ? position : best),
      null,
    )
  return found === null ? null : { chainId: Number(chainId), ...found }
}

// During a backfill Ponder may write the checkpoint of its last block one block early (its loop ends at `cursor >=
// toBlock`, where `cursor` is the next block to read), so until it is ready the block before counts.
function safePosition(text: string, ready: boolean): Omit<Position, 'chainId'> | null {
  const checkpoint = decodeCheckpoint(text)
  if (checkpoint === null) return null
  const block = checkpoint.blockNumber - (checkpoint.wholeBlock && ready ? 0n : 1n)
  return block < 0n ? null : { block, timestamp: checkpoint.timestamp }
}

function headPosition(block: string | null, timestamp: string | null): Omit<Position, 'chainId'> | null {
  return block === null || timestamp === null ? null : { block: BigInt(block), timestamp: Number(timestamp) }
}
