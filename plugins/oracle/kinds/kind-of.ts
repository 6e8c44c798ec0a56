import type { FeedConfig } from '../config.ts'
import type { ContractKind } from './contract-kind.ts'
import { feedKind } from './feed.ts'
import { ocr2Kind } from './ocr2.ts'

const kinds = { feed: feedKind, ocr2: ocr2Kind } as const satisfies Record<string, ContractKind>

/** How to speak with the contract of a feed. */
export const kindOf = (feed: FeedConfig): ContractKind => kinds[feed.contract.kind]
