import type { Hex } from '../../ports/chain.ts'
import type { ChainEvent } from '../../ports/events.ts'
import type { Row } from '../../ports/index-tables.ts'
import type { Json } from '../../ports/json.ts'
import type { Database } from './database.ts'

/** Copies in chain order get rising numbers; a row that is there already keeps its own. */
export const insertEventsSql = `
  insert into event
    (seq, chain_id, block_number, block_hash, log_index, transaction_hash, "timestamp", address, name, data)
  select (select coalesce(max(seq), 0) from event) + row_number() over (order by block_number, log_index),
         chain_id, block_number, block_hash, log_index, transaction_hash, "timestamp", address, name, data::json
  from unnest($1::bigint[], $2::numeric[], $3::text[], $4::integer[], $5::text[], $6::numeric[], $7::text[],
              $8::text[], $9::text[])
    as row (chain_id, block_number, block_hash, log_index, transaction_hash, "timestamp", address, name, data)
  order by block_number, log_index
  on conflict (chain_id, block_hash, log_index) do nothing`

/** Parameters of `insertEventsSql`. */
export function insertEventsParams(rows: readonly Row<'event'>[]): unknown[] {
  return [
    rows.map((row) => row.chainId),
    rows.map((row) => row.blockNumber.toString()),
    rows.map((row) => row.blockHash),
    rows.map((row) => row.logIndex),
    rows.map((row) => row.transactionHash),
    rows.map((row) => row.timestamp.toString()),
    rows.map((row) => row.address),
    rows.map((row) => row.name),
    rows.map((row) => JSON.stringify(row.data)),
  ]
}

/** Events after `after`, in order. */
export async function readEvents(
  database: Database,
  { after, names, limit }: { after: bigint; names?: readonly string[]; limit: number },
): Promise<readonly ChainEvent[]> {
  const rows = await database.query(
    `select * from event where seq > $1 and ($2::text[] is null or name = any($2)) order by seq limit $3`,
    [after.toString(), names ?? null, limit],
  )
  return rows.map((row) => ({
    seq: BigInt(String(row.seq)),
    name: String(row.name),
    chainId: Number(row.chain_id),
    blockNumber: BigInt(String(row.block_number)),
    blockHash: String(row.block_hash) as Hex,
    logIndex: Number(row.log_index),
    transactionHash: String(row.transaction_hash) as Hex,
    timestamp: BigInt(String(row.timestamp)),
    address: String(row.address) as Hex,
    data: row.data as Json,
  }))
}
