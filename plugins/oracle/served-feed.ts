import type { DutyHandle } from '../../node/ports/quorum.ts'
import type { FeedConfig } from './config.ts'
import type { Withheld } from './range-watch.ts'

/** A configured feed and its duty at this node. */
export interface ServedFeed {
  readonly config: FeedConfig
  readonly duty: DutyHandle
  /** The agreed answer that its contract would refuse; null while there is none. */
  readonly withheld: () => Withheld | null
}
