import { join } from 'node:path'
import type { NodeConfig } from '../config/schema.ts'
import { type ContentService, contentService } from '../content/content-service.ts'
import type { Clock } from '../ports/clock.ts'
import type { ContentPeers } from '../ports/content.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import { modelOffers } from './models/offers.ts'

const MEBIBYTE = 2 ** 20

/** Contents of this node and of the other validators, kept in `content` of the data folder. */
export function nodeContents(
  config: NodeConfig,
  modules: { peers: ContentPeers; log: Logger; metrics: Metrics; clock: Clock },
): ContentService {
  const { maxMb, serveModels } = config.content
  return contentService(
    { dir: join(config.dataDir, 'content'), maxBytes: maxMb * MEBIBYTE },
    { ...modules, offers: serveModels ? [modelOffers(config, modules)] : [] },
  )
}

export const contentRate = ({ content }: NodeConfig): number => content.rateMb * MEBIBYTE
