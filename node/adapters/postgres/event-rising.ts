import type { Hex } from '../../ports/chain.ts'
import type { Database } from './database.ts'
import type { LiveEvent } from './event-window.ts'

/** Events of a chain above block `after` that are in the chain. */
export async function readLive(
  database: Database,
  chainId: number,
  after: bigint,
): Promise<readonly LiveEvent[]> {
  const rows = await database.query(
    `select id, block_number, block_hash, log_index from event
       where chain_id = $1 and block_number > $2::numeric and not reverted`,
    [chainId, after.toString()],
  )
  return rows.map((row) => ({
    id: BigInt(String(row.id)),
    blockNumber: BigInt(String(row.block_number)),
    blockHash: String(row.block_hash) as Hex,
    logIndex: Number(row.log_index),
  }))
}

/** Whether any event of the log rises to a higher stage between two positions, and the newest that becomes final. */
export async function readRising(
  database: Database,
  chainId: number,
  from: { readonly confirmed: bigint; readonly final: bigint },
  to: { readonly confirmed: bigint; readonly final: bigint },
): Promise<{ any: boolean; final: { blockNumber: bigint; blockHash: Hex } | null }> {
  if (from.confirmed === to.confirmed && from.final === to.final) return { any: false, final: null }
  const newest = (after: string, upTo: string) =>
    `(select block_number, block_hash from event
        where chain_id = $1 and not reverted and block_number > ${after}::numeric and block_number <= ${upTo}::numeric
        order by block_number desc limit 1)`
  const rows = await database.query(
    `select 'final' as stage, * from ${newest('$2', '$3')} f
     union all select 'confirmed', * from ${newest('$4', '$5')} c`,
    [chainId, ...[from.final, to.final, from.confirmed, to.confirmed].map(String)],
  )
  const final = rows.find(({ stage }) => stage === 'final')
  return {
    any: rows.length > 0,
    final:
      final === undefined
        ? null
        : {
            blockNumber: BigInt(String(final.block_number)),
            blockHash: String(final.block_hash) as Hex,
          },
  }
}
