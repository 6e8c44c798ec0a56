import { FEATURES_VERSION, type Histories, transferFeatures } from '../../node/features/transfer-features.ts'
import type { SqlRow, Store } from '../../node/ports/store.ts'
import { type AmountHistory, amountsBefore, historiesSql, historyOf, touchesOf } from './histories.ts'
import { digitsOf, hexOf } from './rows.ts'

/** Transfers whose features are computed at once: with their histories about a megabyte. */
export const PAGE = 64

/** $1 token, $2 and $3 the place after which features are missing. */
const pageSql = `
  with judged as (
    select block, log, timestamp, sender, receiver, value from transfer
      where token_id = $1 and (block, log) > ($2::bigint, $3::integer) order by block, log limit ${PAGE}
  )
  select block, log, timestamp, encode(sender, 'hex') as "from", encode(receiver, 'hex') as "to", value::text as value,
    ${historiesSql}
  from judged order by block, log`

/** Only where nothing changed since among the transfers that the page was computed from. */
const saveSql = `
  with moved as (
    update token set (done_block, done_log) = ($3::bigint, $4::integer) where id = $1 and version = $2 returning id
  )
  update transfer t set features = decode(made.features, 'hex'), features_version = ${FEATURES_VERSION},
      score = null, model = null, digest = null
    from moved, json_to_recordset($5::json) as made (block bigint, log integer, features text)
    where t.token_id = moved.id and t.block = made.block and t.log = made.log`

/**
 * Computes the features of the next transfers of a token, each from what is kept of those before it. Resolves with how
 * many those were: fewer than `PAGE` are all that there are. Tokens that change meanwhile are left for the next call.
 */
export async function computePage(store: Store, tokenId: number): Promise<number> {
  const [token] = await store.query({
    sql: 'select version, done_block, done_log from token where id = $1',
    params: [tokenId],
  })
  if (token === undefined) return 0
  const place = [tokenId, BigInt(String(token.done_block)), Number(token.done_log)] as const
  const rows = await store.query({ sql: pageSql, params: place })
  const [first, last] = [rows[0], rows.at(-1)]
  if (first === undefined || last === undefined) return 0
  const amounts = historyOf(
    await store.query(amountsBefore(tokenId, BigInt(String(first.block)), Number(first.log))),
  )
  const made = rows.map((row) => {
    const features = digitsOf(featuresOf(row, amounts))
    return { block: String(row.block), log: Number(row.log), features }
  })
  await store.query({
    sql: saveSql,
    params: [tokenId, String(token.version), String(last.block), Number(last.log), made],
  })
  return rows.length
}

/** The features of a row of the page, which then belongs to the token's history. */
function featuresOf(row: SqlRow, amounts: AmountHistory): Float32Array {
  const [timestamp, value] = [Number(row.timestamp), String(row.value)]
  const histories: Histories = {
    sender: touchesOf(row.sender_history),
    receiver: touchesOf(row.receiver_history),
    tokenLogAmounts: amounts.at(timestamp),
  }
  amounts.push(timestamp, value)
  // Where it stands in the chain is in the histories already.
  const place = { block: BigInt(String(row.block)), logIndex: Number(row.log), token: '0x' } as const
  const transfer = { ...place, timestamp, from: hexOf(row.from), to: hexOf(row.to), value: BigInt(value) }
  return transferFeatures(transfer, histories)
}
