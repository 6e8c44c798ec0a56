import type { Hex } from '../../node/ports/chain.ts'
import type { IndexReader } from '../../node/ports/index-reader.ts'
import type { Row } from '../../node/ports/index-tables.ts'
import type { FeedConfig } from './config.ts'
import type { OnchainRound } from './feed-types.ts'

export type FeedRound = Row<'feedRound'>

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
  return index.select({
    table: 'feedRound',
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
  const [round] = await index.select({
    table: 'feedRound',
    where: [...ofFeed(feed), accepted, { column: 'roundId', op: '=', value: roundId }],
    limit: 1,
  })
  return round ?? null
}

/** The newest report up to a block of the feed's chain, in range or not. Rejects with `INDEX_BEHIND` when the index lacks it. */
export async function newestReport(
  index: IndexReader,
  feed: FeedConfig,
  block: bigint,
): Promise<OnchainRound | null> {
  const [round] = await index.select({
    table: 'feedRound',
    where: [...ofFeed(feed), { column: 'blockNumber', op: '<=', value: block }],
    orderBy: [
      { column: 'blockNumber', direction: 'desc' },
      { column: 'logIndex', direction: 'desc' },
    ],
    limit: 1,
    complete: { chainId: feed.contract.chainId, block },
  })
  return round === undefined ? null : { answer: round.answer, timestamp: Number(round.observationsTimestamp) }
}
