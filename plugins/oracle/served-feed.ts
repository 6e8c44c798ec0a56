import type { DutyHandle } from '../../node/ports/quorum.ts'
import type { FeedConfig } from './config.ts'

/** A configured feed and its duty at this node. */
export interface ServedFeed {
  readonly config: FeedConfig
  readonly duty: DutyHandle
}
