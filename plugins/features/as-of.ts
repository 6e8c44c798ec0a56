import { type Transfer, WINDOW_SECONDS } from '../../node/features/transfer.ts'
import { transferFeatures } from '../../node/features/transfer-features.ts'
import type { BlockRef, Hex } from '../../node/ports/chain.ts'
import type { SqlRow, Store } from '../../node/ports/store.ts'
import { FeatureStoreError } from './errors.ts'
import { type FollowedToken, notYet, tooOld } from './find.ts'
import { amountsBefore, historiesSql, historyOf, touchesOf } from './histories.ts'
import { bytesOf, hexOf } from './rows.ts'

/** When a transfer would have been made. */
export type Moment = { readonly block: bigint } | { readonly time: number } | null

export interface AsOf {
  readonly features: Float32Array
  /** Unix seconds of the transfer that was judged. */
  readonly timestamp: number
  /** The block that was asked for; for a time, that of the newest transfer that counts, and null where there is none. */
  readonly block: { readonly number: bigint; readonly hash: Hex } | null
  /** So far back the history goes, at most the window. */
  readonly historySeconds: number
}

export interface AsOfModules {
  readonly store: Store
  readonly chain: { block(chainId: number, at: bigint): Promise<BlockRef | null> }
  /** Up to which block every transfer of a token was taken in; null while that is not known. */
  readonly reached: (token: FollowedToken) => Promise<bigint | null>
}

/** $1 token, $2 sender, $3 receiver, $4 first block that does not count, $5 Unix seconds. */
const historySql = `
  with judged as (
    select $2::bytea as sender, $3::bytea as receiver, $4::bigint as block, -1 as log, $5::bigint as timestamp
  )
  select ${historiesSql} from judged`

/** The newest transfer of token $1 that is not younger than $2. */
const newestSql = `
  select block, encode(block_hash, 'hex') as block_hash from transfer
    where token_id = $1 and timestamp <= $2 order by timestamp desc, block desc, log desc limit 1`

/**
 * What a model would have been told of a transfer at a moment.
 * - A block: right after it, at its time. Every transfer of the token up to and including the block counts.
 * - A time: at that time. Every transfer counts whose block is of that time or before.
 * - Null: right after the newest block that was followed, at its time.
 *
 * Rejects with `FEATURES_UNKNOWN_TOKEN` for one that is not followed any more, `FEATURES_NOT_YET`, `FEATURES_TOO_OLD`, `FEATURES_UNKNOWN_BLOCK`, `ChainError`, `StoreError`.
 */
export async function featuresAsOf(
  request: {
    readonly token: FollowedToken
    readonly from: Hex
    readonly to: Hex
    readonly value: bigint
    readonly moment: Moment
    readonly retentionDays: number
  },
  modules: AsOfModules,
): Promise<AsOf> {
  const { token, from, to, value, moment, retentionDays } = request
  const { block, timestamp } = await placeOf(token, moment, modules)
  if (timestamp < token.newest - retentionDays * 86_400) throw tooOld(retentionDays)
  const upTo = (block?.number ?? -1n) + 1n
  const [[histories], before] = (await modules.store.batch([
    { sql: historySql, params: [token.id, bytesOf(from), bytesOf(to), upTo, timestamp] },
    amountsBefore(token.id, upTo, -1),
  ])) as [readonly SqlRow[], readonly SqlRow[]]
  const judged: Transfer = { block: upTo, timestamp, logIndex: 0, token: token.address, from, to, value }
  const features = transferFeatures(judged, {
    sender: touchesOf(histories?.sender_history ?? []),
    receiver: touchesOf(histories?.receiver_history ?? []),
    tokenLogAmounts: historyOf(before).at(timestamp),
  })
  const historySeconds = Math.max(0, Math.min(WINDOW_SECONDS, timestamp - token.since))
  return { features, timestamp, block, historySeconds }
}

async function placeOf(
  token: FollowedToken,
  moment: Moment,
  { chain, reached, store }: AsOfModules,
): Promise<Pick<AsOf, 'block' | 'timestamp'>> {
  const { chainId } = token
  const followed = await reached(token)
  if (followed === null) throw notYet(`this moment on chain ${chainId}`)
  const wanted = moment !== null && 'block' in moment ? moment.block : followed
  if (wanted > followed) throw notFollowed(chainId, `block ${wanted}`, `block ${followed}`)
  const block = await blockAt(chain, chainId, wanted)
  if (moment === null || 'block' in moment) return { block, timestamp: block.timestamp }
  // The next block may be of the same time.
  if (moment.time >= block.timestamp)
    throw notFollowed(chainId, `the time ${moment.time}`, `the time ${block.timestamp}`)
  const [newest] = await store.query({ sql: newestSql, params: [token.id, moment.time] })
  return { block: newest === undefined ? null : blockOf(newest), timestamp: moment.time }
}

const notFollowed = (chainId: number, wanted: string, followed: string) =>
  new FeatureStoreError(
    'FEATURES_NOT_YET',
    `Nobody can know the features of ${wanted} yet: chain ${chainId} is followed up to ${followed}. Ask for an earlier moment, or again when meta says that the index is there.`,
    { chainId },
  )

async function blockAt(chain: AsOfModules['chain'], chainId: number, number: bigint): Promise<BlockRef> {
  const found = await chain.block(chainId, number)
  if (found !== null) return found
  throw new FeatureStoreError(
    'FEATURES_UNKNOWN_BLOCK',
    `Chain ${chainId} has no block ${number}, or its provider does not know it. Ask for another block.`,
    { chainId, block: number.toString() },
  )
}

function blockOf(row: SqlRow): AsOf['block'] {
  return { number: BigInt(String(row.block)), hash: hexOf(row.block_hash) }
}
