import { ProblemError } from '../../../node/ports/http.ts'
import type { ServedFeed } from '../served-feed.ts'

/** The feed of that id, or the 404 that lists the ids there are. */
export function findFeed(feeds: readonly ServedFeed[], id: string): ServedFeed {
  const feed = feeds.find(({ config }) => config.id === id)
  if (feed !== undefined) return feed
  throw new ProblemError({
    status: 404,
    code: 'ORACLE_UNKNOWN_FEED',
    title: 'Unknown feed',
    detail: `No feed "${id}" here. Feeds of this node: ${feeds.map(({ config }) => config.id).join(', ') || 'none'}.`,
  })
}
