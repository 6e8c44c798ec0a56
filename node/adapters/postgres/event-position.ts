import type { Hex } from '../../ports/chain.ts'
import type { Row } from '../../ports/index-tables.ts'
import type { Database } from './database.ts'
import { EventLogError } from './errors.ts'
import { insertEventsParams, insertEventsSql, promoteEventsSql, revertEventsSql } from './event-rows.ts'

/** How far the log is with a chain. Blocks: up to and including. */
export interface Position {
  readonly copied: bigint
  /** Hash of block `copied`; null where it is not known. */
  readonly hash: Hex | null
  readonly confirmed: bigint
  readonly final: bigint
  /** A final block by its hash: the chain must have it for ever. */
  readonly anchor: { readonly number: bigint; readonly hash: Hex } | null
  /** Counts the writes, so that of two processes at once one starts over. */
  readonly revision: bigint
  readonly halt: Halt | null
  /** Build of the index whose rows below `copied` are all here; null where the index does not say. */
  readonly edition: string | null
}

/** Why the chain stands still, and who said so: `anchor` takes it back by itself when the block is there again. */
export interface Halt {
  readonly by: 'anchor' | 'index'
  readonly reason: string
}

const unknown: Position = {
  copied: -1n,
  hash: null,
  confirmed: -1n,
  final: -1n,
  anchor: null,
  revision: 0n,
  halt: null,
  edition: null,
}

/** Numbers become visible in their order: one writer at a time, whatever the chain. */
export const lockEventsSql = `select pg_advisory_xact_lock(hashtextextended('iyi events ' || $1, 0))`

const saveSql = `
  insert into event_cursor as known
    (chain_id, block_number, block_hash, confirmed_block, final_block, anchor_block, anchor_hash, revision, halted, halted_by,
     edition)
  values ($1, $2, $3, $4, $5, $6, $7, $8::bigint + 1, $9, $10, $11)
  on conflict (chain_id) do update
    set (block_number, block_hash, confirmed_block, final_block, anchor_block, anchor_hash, revision, halted, halted_by,
         edition)
      = (excluded.block_number, excluded.block_hash, excluded.confirmed_block, excluded.final_block,
         excluded.anchor_block, excluded.anchor_hash, excluded.revision, excluded.halted, excluded.halted_by,
         excluded.edition)
    where known.revision = $8
  returning revision`

export async function readPosition(database: Pick<Database, 'query'>, chainId: number): Promise<Position> {
  const [row] = await database.query('select * from event_cursor where chain_id = $1', [chainId])
  if (row === undefined) return unknown
  const block = (value: unknown) => BigInt(String(value))
  return {
    copied: block(row.block_number),
    hash: row.block_hash === null ? null : (String(row.block_hash) as Hex),
    confirmed: block(row.confirmed_block),
    final: block(row.final_block),
    anchor:
      row.anchor_hash === null
        ? null
        : { number: block(row.anchor_block), hash: String(row.anchor_hash) as Hex },
    revision: block(row.revision),
    halt:
      row.halted === null
        ? null
        : { by: row.halted_by === 'anchor' ? 'anchor' : 'index', reason: String(row.halted) },
    edition: row.edition === null ? null : String(row.edition),
  }
}

/**
 * Moves a chain from one position to the next, with all that changes by it, in one transaction: what a reorganisation
 * took back, then what rose to a higher stage, then what is new. Rejects with EventLogError `EVENTS_MOVED` (retry)
 * when somebody else moved it meanwhile.
 */
export async function writePosition(
  database: Database,
  chainId: number,
  step: {
    readonly from: Position
    readonly to: Omit<Position, 'revision'>
    /** Ids of events that are not in the chain any more. */
    readonly reverted?: readonly bigint[]
    readonly added?: readonly Row<'event'>[]
  },
): Promise<Position> {
  const { from, to, reverted = [], added = [] } = step
  const saved = await database.transaction(async (client) => {
    await client.query(lockEventsSql, [database.schema])
    const { rows } = await client.query<{ revision: bigint }>(saveSql, [
      chainId,
      to.copied.toString(),
      to.hash,
      to.confirmed.toString(),
      to.final.toString(),
      to.anchor?.number.toString() ?? null,
      to.anchor?.hash ?? null,
      from.revision.toString(),
      to.halt?.reason ?? null,
      to.halt?.by ?? null,
      to.edition,
    ])
    const [moved] = rows
    if (moved === undefined) return null
    if (reverted.length > 0) await client.query(revertEventsSql, [reverted.map(String)])
    if (to.confirmed > from.confirmed || to.final > from.final) {
      const heights = [from.final, to.final, from.confirmed, to.confirmed].map(String)
      await client.query(promoteEventsSql, [chainId, ...heights])
    }
    if (added.length > 0) await client.query(insertEventsSql, insertEventsParams(added, to))
    return moved
  })
  if (saved !== null) return { ...to, revision: saved.revision }
  throw new EventLogError(
    'EVENTS_MOVED',
    `Another process moved the events of chain ${chainId}. Try again.`,
    {
      data: { chainId },
      retry: true,
    },
  )
}
