import { hexToBytes } from 'viem'
import type { Hex } from '../../node/ports/chain.ts'
import type { IndexQuery, IndexReader } from '../../node/ports/index-reader.ts'
import type { FeedConfig } from './config.ts'
import type { FeedRound, FeedValue, OnchainRound } from './feed-types.ts'
import type { ValueType } from './values/value-type.ts'
import { decodeVectorOnchainConfig } from './vector-config.ts'

/** Rounds of one number and of vectors lie in tables of their own, whose other columns are the same. */
function selectRounds(
  index: IndexReader,
  feed: FeedConfig,
  query: Omit<IndexQuery<'feedRound' | 'feedVectorRound'>, 'table'>,
): Promise<readonly FeedRound[]> {
  return feed.contract.kind === 'vector'
    ? index.select<'feedVectorRound'>({ ...query, table: 'feedVectorRound' })
    : index.select<'feedRound'>({ ...query, table: 'feedRound' })
}

const ofFeed = (feed: FeedConfig) =>
  [
    { column: 'chainId', op: '=', value: feed.contract.chainId },
    { column: 'feed', op: '=', value: feed.contract.address.toLowerCase() as Hex },
  ] as const
const accepted = { column: 'accepted', op: '=', value: true } as const

/** Accepted rounds, newest first, below `before` where it is given. */
export function listRounds(
  index: IndexReader,
  feed: FeedConfig,
  page: { limit: number; before?: bigint | undefined },
): Promise<readonly FeedRound[]> {
  return selectRounds(index, feed, {
    where: [
      ...ofFeed(feed),
      accepted,
      ...(page.before === undefined ? [] : ([{ column: 'roundId', op: '<', value: page.before }] as const)),
    ],
    orderBy: [{ column: 'roundId', direction: 'desc' }],
    limit: page.limit,
  })
}

export async function latestRound(index: IndexReader, feed: FeedConfig): Promise<FeedRound | null> {
  const [round] = await listRounds(index, feed, { limit: 1 })
  return round ?? null
}

/** Null when the contract never accepted such a round, or not yet as far as this node's index knows. */
export async function findRound(
  index: IndexReader,
  feed: FeedConfig,
  roundId: bigint,
): Promise<FeedRound | null> {
  const [round] = await selectRounds(index, feed, {
    where: [...ofFeed(feed), accepted, { column: 'roundId', op: '=', value: roundId }],
    limit: 1,
  })
  return round ?? null
}

/** The newest report up to a block of the feed's chain, in range or not. Rejects with `INDEX_BEHIND` when the index lacks it. */
export async function newestReport<V extends FeedValue>(
  index: IndexReader,
  feed: FeedConfig,
  values: ValueType<V>,
  block: bigint,
): Promise<OnchainRound<V> | null> {
  const [round] = await selectRounds(index, feed, {
    where: [...ofFeed(feed), { column: 'blockNumber', op: '<=', value: block }],
    orderBy: [
      { column: 'blockNumber', direction: 'desc' },
      { column: 'logIndex', direction: 'desc' },
    ],
    limit: 1,
    complete: { chainId: feed.contract.chainId, block },
  })
  return round === undefined
    ? null
    : { answer: values.ofRow(round), timestamp: Number(round.observationsTimestamp) }
}

/** What tells the elements of a vector feed apart, as its contract's newest indexed configuration says; null before one. */
export async function labelsOf(index: IndexReader, feed: FeedConfig): Promise<readonly bigint[] | null> {
  const [configuration] = await index.select({
    table: 'validatorConfig',
    where: [
      { column: 'chainId', op: '=', value: feed.contract.chainId },
      { column: 'contract', op: '=', value: feed.contract.address.toLowerCase() as Hex },
    ],
    orderBy: [{ column: 'configCount', direction: 'desc' }],
    limit: 1,
  })
  return configuration === undefined
    ? null
    : decodeVectorOnchainConfig(hexToBytes(configuration.onchainConfig)).labels
}
