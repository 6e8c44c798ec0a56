import type { Hex } from '../../node/ports/chain.ts'
import type { SqlRow, Store } from '../../node/ports/store.ts'
import type { FeaturedTransfer } from './api.ts'
import { FeatureStoreError } from './errors.ts'
import { bytesOf, TRANSFER_COLUMNS, transferOf } from './rows.ts'

/** A token as the store follows it. */
export interface FollowedToken {
  readonly id: number
  readonly chainId: number
  readonly address: Hex
  /** What the operator calls the contract that it is of. */
  readonly contract: string
  /** Unix seconds of the first transfer that was followed. */
  readonly since: number
  /** Unix seconds of the newest one. */
  readonly newest: number
}

const findSql = `
  select ${TRANSFER_COLUMNS}, k.newest_timestamp, (t.block, t.log) <= (k.done_block, k.done_log) as done
    from transfer t join token k on k.id = t.token_id
    where t.transaction = $1 and t.log = $2 and k.chain_id = $3`

/**
 * One transfer by its log. Rejects with `FEATURES_UNKNOWN_TRANSFER`, `FEATURES_TOO_OLD`, `FEATURES_NOT_YET`.
 *
 * @param place.retentionDays what is older is not served
 */
export async function findTransfer(
  store: Store,
  place: {
    readonly chainId: number
    readonly transactionHash: Hex
    readonly logIndex: number
    readonly retentionDays: number
  },
): Promise<FeaturedTransfer> {
  const { chainId, transactionHash, logIndex, retentionDays } = place
  const [row] = await store.query({ sql: findSql, params: [bytesOf(transactionHash), logIndex, chainId] })
  if (row === undefined)
    throw new FeatureStoreError(
      'FEATURES_UNKNOWN_TRANSFER',
      `No transfer of a followed token is known at log ${logIndex} of transaction ${transactionHash} on chain ${chainId}. GET /v1/features/tokens says which tokens are followed, meta how far the index is.`,
      { chainId, transactionHash, logIndex },
    )
  if (Number(row.timestamp) < Number(row.newest_timestamp) - retentionDays * 86_400)
    throw tooOld(retentionDays)
  if (row.done !== true || row.features === null) throw notYet('this transfer')
  return transferOf(row)
}

const tokenSql =
  "select id, chain_id, encode(address, 'hex') as address, contract, since_timestamp, newest_timestamp from token"

/** Rejects with `FEATURES_UNKNOWN_TOKEN`. */
export async function findToken(store: Store, chainId: number, address: Hex): Promise<FollowedToken> {
  const [row] = await store.query({
    sql: `${tokenSql} where chain_id = $1 and address = $2`,
    params: [chainId, bytesOf(address)],
  })
  if (row !== undefined) return tokenOf(row)
  throw unknownToken(chainId, address)
}

/** Followed tokens in the order of their ids, after one. */
export async function listTokens(
  store: Store,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly FollowedToken[]> {
  const rows = await store.query({
    sql: `${tokenSql} where id > $1 order by id limit $2`,
    params: [after, limit],
  })
  return rows.map(tokenOf)
}

function tokenOf(row: SqlRow): FollowedToken {
  return {
    id: Number(row.id),
    chainId: Number(row.chain_id),
    address: `0x${String(row.address)}`,
    contract: String(row.contract),
    since: Number(row.since_timestamp),
    newest: Number(row.newest_timestamp),
  }
}

export const unknownToken = (chainId: number, address: Hex) =>
  new FeatureStoreError(
    'FEATURES_UNKNOWN_TOKEN',
    `The token ${address} of chain ${chainId} is not followed, or had no transfer yet. GET /v1/features/tokens says which tokens are; the operator names them in tokens of this plugin.`,
    { chainId, address },
  )

export const tooOld = (retentionDays: number) =>
  new FeatureStoreError(
    'FEATURES_TOO_OLD',
    `Features are kept for ${retentionDays} days before the newest transfer of their token. Ask for a later one; the operator sets retentionDays.`,
    { retentionDays },
  )

export const notYet = (what: string) =>
  new FeatureStoreError(
    'FEATURES_NOT_YET',
    `The features of ${what} are not computed yet. Ask again in a moment; meta says how far the index is.`,
  )
