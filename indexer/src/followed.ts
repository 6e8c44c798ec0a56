import { readIndexerConfig } from '../config.ts'
import type { Kind } from '../sources.ts'
import { lower, type Place } from './reducers/event.ts'

const { contracts } = readIndexerConfig(process.env.IYI_INDEXER_CONFIG)
const starts = new Map(
  contracts.map(({ kind, chainId, address, startBlock }) => [`${kind} ${chainId} ${address}`, startBlock]),
)

/**
 * Whether a contract is followed from this block on. Ponder knows one start for all contracts of a kind on a chain and hands
 * over what came before; a contract's rows must not depend on what else is followed.
 */
export function isFollowed(kind: Kind, { chainId, address, blockNumber }: Place): boolean {
  const start = starts.get(`${kind} ${chainId} ${lower(address)}`)
  return start !== undefined && blockNumber >= BigInt(start)
}
