import type { Hex } from '../../ports/chain.ts'
import type { Row } from '../../ports/index-tables.ts'
import type { Database } from './database.ts'
import { risingBlocksSql } from './event-rows.ts'
import type { LiveEvent } from './event-window.ts'

/** Events of a chain above block `after` that are in the chain. */
export async function readLive(
  database: Database,
  chainId: number,
  after: bigint,
): Promise<readonly LiveEvent[]> {
  const rows = await database.query(
    `select id, block_number, block_hash, log_index from event
       where chain_id = $1 and block_number > $2::numeric and level > 0`,
    [chainId, after.toString()],
  )
  return rows.map((row) => ({
    id: BigInt(String(row.id)),
    blockNumber: BigInt(String(row.block_number)),
    blockHash: String(row.block_hash) as Hex,
    logIndex: Number(row.log_index),
  }))
}

/** Those rows of the index that the log has never had. */
export async function withoutKnown(
  database: Database,
  chainId: number,
  rows: readonly Row<'event'>[],
): Promise<readonly Row<'event'>[]> {
  if (rows.length === 0) return []
  const found = await database.query(
    `select own.place from unnest($2::text[], $3::integer[]) with ordinality as own (block_hash, log_index, place)
       where not exists (select from event known where known.chain_id = $1
         and known.block_hash = own.block_hash and known.log_index = own.log_index)`,
    [chainId, rows.map(({ blockHash }) => blockHash), rows.map(({ logIndex }) => logIndex)],
  )
  const places = new Set(found.map((row) => Number(row.place)))
  return rows.filter((_, at) => places.has(at + 1))
}

/** Whether any event of the log rises to a higher stage between two positions, and the blocks that become final. */
export async function readRising(
  database: Database,
  chainId: number,
  from: { readonly confirmed: bigint; readonly final: bigint },
  to: { readonly confirmed: bigint; readonly final: bigint },
): Promise<{ any: boolean; final: readonly Pick<LiveEvent, 'blockNumber' | 'blockHash'>[] }> {
  if (from.confirmed === to.confirmed && from.final === to.final) return { any: false, final: [] }
  const rows = await database.query(risingBlocksSql, [
    chainId,
    ...[from.final, to.final, from.confirmed, to.confirmed].map(String),
  ])
  const blocks = rows.map((row) => ({
    blockNumber: BigInt(String(row.block_number)),
    blockHash: String(row.block_hash) as Hex,
  }))
  return { any: rows.length > 0, final: blocks.filter(({ blockNumber }) => blockNumber <= to.final) }
}
