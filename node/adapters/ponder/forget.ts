import type { Pool } from 'pg'
import type { Hex } from '../../ports/chain.ts'
import { checkedSchema } from './names.ts'
import { inTransaction } from './transaction.ts'

/** What Ponder fetched of a chain, by the block; see its `sync-store/schema.ts`. */
const cached = [
  ['blocks', 'number'],
  ['transactions', 'block_number'],
  ['transaction_receipts', 'block_number'],
  ['logs', 'block_number'],
  ['traces', 'block_number'],
  ['factory_addresses', 'block_number'],
] as const

/**
 * Makes Ponder forget a chain above a block, for a chain that dropped what Ponder holds for final: it never asks for it
 * again by itself. Its cache keeps what lies below; the tables of every build go, because rows of one chain can't be
 * taken back alone, and are built anew from the cache at the next start. Ponder must not run.
 *
 * @param after null: nothing of the chain can be kept
 */
export async function forgetAbove(
  options: { readonly viewsSchema: string; readonly chainId: number; readonly after: bigint | null },
  { pool }: { readonly pool: Pool },
): Promise<void> {
  const viewsSchema = checkedSchema(options.viewsSchema)
  const { chainId } = options
  const after = (options.after ?? -1n).toString()
  await inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'select nspname::text as name from pg_namespace where nspname = $1 or nspname ~ $2',
      [viewsSchema, `^${viewsSchema}_[0-9a-f]{12}$`],
    )
    for (const { name } of rows) await client.query(`drop schema "${checkedSchema(name)}" cascade`)
    const [sync] = (await client.query(`select to_regclass('ponder_sync.intervals') as found`)).rows
    if (sync?.found === null) return
    for (const [table, column] of cached) {
      await client.query(`delete from ponder_sync.${table} where chain_id = $1 and ${column} > $2::numeric`, [
        chainId,
        after,
      ])
    }
    // Results without a block are those of immutable reads; the branch that is gone may have answered them.
    await client.query(
      `delete from ponder_sync.rpc_request_results
         where chain_id = $1 and (block_number is null or block_number > $2::numeric)`,
      [chainId, after],
    )
    // Ponder keeps the blocks from a to b as [a, b + 1].
    await client.query(
      `update ponder_sync.intervals
         set blocks = blocks * nummultirange(numrange(0, greatest($2::numeric + 1, 0), '[]')) where chain_id = $1`,
      [chainId, after],
    )
    if (options.after === null)
      await client.query('delete from ponder_sync.intervals where chain_id = $1', [chainId])
  })
}

/** Whether the index, wherever it is built, still holds events of these blocks. */
export async function indexHolds(
  options: { readonly viewsSchema: string; readonly chainId: number; readonly blocks: readonly Hex[] },
  { pool }: { readonly pool: Pool },
): Promise<boolean> {
  const schema = checkedSchema(options.viewsSchema)
  const [views] = (await pool.query(`select to_regclass($1) as found`, [`"${schema}"."event"`])).rows
  if (views?.found == null) return false
  const [row] = (
    await pool.query<{ held: boolean }>(
      `select exists (select from "${schema}"."event" where chain_id = $1 and block_hash = any($2::text[])) as held`,
      [options.chainId, [...options.blocks]],
    )
  ).rows
  return row?.held === true
}
