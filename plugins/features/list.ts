import type { Hex } from '../../node/ports/chain.ts'
import type { SqlValue, Store } from '../../node/ports/store.ts'
import type { FeaturedTransfer } from './api.ts'
import type { FollowedToken } from './find.ts'
import { bytesOf, TRANSFER_COLUMNS, transferOf } from './rows.ts'

/** What is wanted of a token's transfers; null asks for nothing. */
export interface Wanted {
  readonly token: FollowedToken
  readonly retentionDays: number
  readonly from: Hex | null
  readonly to: Hex | null
  readonly fromBlock: bigint | null
  readonly toBlock: bigint | null
  readonly minScore: number | null
  /** Only what comes before this place. */
  readonly before: { readonly block: bigint; readonly logIndex: number } | null
  readonly limit: number
}

/** Transfers of a token whose features are computed, newest first. */
export async function listTransfers(store: Store, wanted: Wanted): Promise<readonly FeaturedTransfer[]> {
  const { token, retentionDays, from, to, fromBlock, toBlock, minScore, before, limit } = wanted
  const params: SqlValue[] = [token.id, retentionDays * 86_400, limit]
  const conditions = [
    't.token_id = $1',
    't.features is not null',
    '(t.block, t.log) <= (k.done_block, k.done_log)',
    't.timestamp >= k.newest_timestamp - $2::bigint',
  ]
  const where = (condition: (at: string) => string, value: SqlValue | null) => {
    if (value !== null) conditions.push(condition(`$${params.push(value)}`))
  }
  where((at) => `t.sender = ${at}`, from === null ? null : bytesOf(from))
  where((at) => `t.receiver = ${at}`, to === null ? null : bytesOf(to))
  where((at) => `t.block >= ${at}`, fromBlock)
  where((at) => `t.block <= ${at}`, toBlock)
  where((at) => `t.score >= ${at}`, minScore)
  if (before !== null) {
    const at = params.push(before.block, before.logIndex)
    conditions.push(`(t.block, t.log) < ($${at - 1}::bigint, $${at}::integer)`)
  }
  const rows = await store.query({
    sql: `
      select ${TRANSFER_COLUMNS} from transfer t join token k on k.id = t.token_id
        where ${conditions.join(' and ')} order by t.block desc, t.log desc limit $3`,
    params,
  })
  return rows.map(transferOf)
}
