import type { FeedConfig } from '../config.ts'
import type { ContractKind } from './contract-kind.ts'
import { feedKind } from './feed.ts'
import { ocr2Kind } from './ocr2.ts'
import { vectorKind } from './vector.ts'

const scalars = { feed: feedKind, ocr2: ocr2Kind } as const

/** How to speak with the contract of a feed of one number. Undefined for another one. */
export function scalarKindOf({ contract }: FeedConfig): ContractKind<bigint> | undefined {
  return contract.kind === 'vector' ? undefined : scalars[contract.kind]
}

/** How to speak with the contract of a feed. */
export const kindOf = (feed: FeedConfig): ContractKind<bigint> | ContractKind<readonly bigint[]> =>
  scalarKindOf(feed) ?? vectorKind
