import type { Store } from '../../node/ports/store.ts'
import { keptSeconds } from './take-in.ts'

const AT_ONCE = 1_000

/** The oldest ones alone are looked at, so that a token with nothing to delete costs little. */
const pruneSql = `
  delete from transfer using (
    select oldest.token_id, oldest.block, oldest.log
      from (select token_id, block, log, timestamp from transfer where token_id = $1 order by block, log limit ${AT_ONCE}) oldest
      join token k on k.id = oldest.token_id
      where oldest.timestamp < k.newest_timestamp - $2::bigint
        and (oldest.block, oldest.log) <= (k.done_block, k.done_log)
  ) old
  where transfer.token_id = old.token_id and transfer.block = old.block and transfer.log = old.log
  returning 1`

/** Deletes the oldest transfers of a token that are not kept any more. Resolves with how many. */
export async function prune(store: Store, tokenId: number, retentionDays: number): Promise<number> {
  let deleted = 0
  for (;;) {
    const rows = await store.query({ sql: pruneSql, params: [tokenId, keptSeconds(retentionDays)] })
    deleted += rows.length
    if (rows.length < AT_ONCE) return deleted
  }
}
