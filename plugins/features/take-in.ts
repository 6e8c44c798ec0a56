import { WINDOW_SECONDS } from '../../node/features/transfer.ts'
import type { Statement, Store } from '../../node/ports/store.ts'
import type { FeaturedTransfer } from './api.ts'
import type { ToldTransfer } from './read-event.ts'
import { bytesOf, TRANSFER_COLUMNS, transferOf } from './rows.ts'

/**
 * $1 chain, $2 token, $3 block, $4 log, $5 block hash, $6 transaction, $7 sender, $8 receiver, $9 value, $10 timestamp,
 * $11 seconds that are kept, $12 the operator's name of the contract. One that comes before others of its token, which happens where a contract is followed from
 * an earlier block on since, has those computed again. One that is there already changes nothing but the name of the contract,
 * whose events are told again where the operator renamed it.
 */
const insertSql = `
  with known as (
    select from transfer t join token k on k.id = t.token_id
      where k.chain_id = $1 and k.address = $2 and t.block = $3 and t.log = $4 and t.block_hash = $5
  ), renamed as (
    update token set contract = $12
      where chain_id = $1 and address = $2 and contract <> $12 and exists (select from known)
  ), followed as (
    insert into token as k
      (chain_id, address, contract, since_timestamp, newest_block, newest_log, newest_timestamp, done_block, done_log)
    select $1::bigint, $2::bytea, $12, $10::bigint, $3::bigint, $4::integer, $10::bigint, $3::bigint, $4::integer - 1
      where not exists (select from known)
    on conflict (chain_id, address) do update set
      contract = excluded.contract,
      since_timestamp = least(k.since_timestamp, excluded.since_timestamp),
      newest_timestamp = greatest(k.newest_timestamp, excluded.newest_timestamp),
      (newest_block, newest_log) = (
        select block, log from (values (k.newest_block, k.newest_log), (excluded.newest_block, excluded.newest_log))
          as place (block, log) order by block desc, log desc limit 1),
      (done_block, done_log) = (
        select block, log from (values (k.done_block, k.done_log), (excluded.done_block, excluded.done_log))
          as place (block, log) order by block, log limit 1),
      version = k.version
        + case when (excluded.newest_block, excluded.newest_log) <= (k.newest_block, k.newest_log) then 1 else 0 end
      where excluded.newest_timestamp >= k.newest_timestamp - $11::bigint
    returning id
  )
  insert into transfer (token_id, block, log, timestamp, block_hash, transaction, sender, receiver, value)
  select id, $3, $4, $10, $5, $6, $7, $8, $9::numeric from followed
  on conflict (token_id, block, log) do update set
    (timestamp, block_hash, transaction, sender, receiver, value, features, features_version, score, model, digest)
      = (excluded.timestamp, excluded.block_hash, excluded.transaction, excluded.sender, excluded.receiver,
         excluded.value, null, null, null, null, null)
  returning token_id`

/** $1 chain, $2 token, $3 block, $4 log, $5 block hash. */
const revertSql = `
  with gone as (
    delete from transfer t using token k
      where k.id = t.token_id and k.chain_id = $1 and k.address = $2 and t.block = $3 and t.log = $4 and t.block_hash = $5
      returning t.*
  ), behind as (
    update token k set version = k.version + 1,
      (done_block, done_log) = (
        select block, log from (values (k.done_block, k.done_log), ($3::bigint, $4::integer - 1))
          as place (block, log) order by block, log limit 1)
      from gone where k.id = gone.token_id
  )
  select t.token_id, ${TRANSFER_COLUMNS} from gone t join token k on k.id = t.token_id`

/** Saves a transfer. Resolves with the id of its token; null where it was there, or is older than what is kept. */
export async function takeIn(
  store: Store,
  transfer: ToldTransfer,
  { contract, retentionDays }: { readonly contract: string; readonly retentionDays: number },
): Promise<number | null> {
  const { transactionHash, from, to, value, timestamp } = transfer
  const [row] = await store.query({
    sql: insertSql,
    params: [
      ...placeOf(transfer),
      ...[
        bytesOf(transactionHash),
        bytesOf(from),
        bytesOf(to),
        value.toString(),
        timestamp,
        keptSeconds(retentionDays),
        contract,
      ],
    ],
  })
  return row === undefined ? null : Number(row.token_id)
}

/**
 * Takes a transfer back that a reorganisation dropped. Resolves with its token, and with what was made of it; null where
 * it was not there.
 */
export async function takeBack(
  store: Store,
  transfer: ToldTransfer,
): Promise<{ readonly tokenId: number; readonly transfer: FeaturedTransfer | null } | null> {
  const [row] = await store.query({ sql: revertSql, params: placeOf(transfer) })
  if (row === undefined) return null
  return { tokenId: Number(row.token_id), transfer: row.features === null ? null : transferOf(row) }
}

/** The oldest transfers that are served have a whole history. */
export function keptSeconds(retentionDays: number): number {
  return retentionDays * 86_400 + WINDOW_SECONDS
}

function placeOf({
  chainId,
  token,
  block,
  logIndex,
  blockHash,
}: ToldTransfer): NonNullable<Statement['params']> {
  return [chainId, bytesOf(token), block, logIndex, bytesOf(blockHash)]
}
