import { decodeFunctionResult, encodeFunctionData } from 'viem'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import type { ChainReader } from '../../node/ports/chain.ts'
import type { ContractRef } from '../../node/ports/quorum.ts'

/** `observationsTimestamp` of the newest report at the chain's head; null before the first. */
export async function latestOnChain(chain: ChainReader, feed: ContractRef): Promise<number | null> {
  const functionName = 'latestObservationsTimestamp'
  const data = await chain.call(feed.chainId, {
    to: feed.address,
    data: encodeFunctionData({ abi: oracleFeedAbi, functionName }),
  })
  const timestamp = decodeFunctionResult({ abi: oracleFeedAbi, functionName, data })
  return timestamp === 0 ? null : timestamp
}

/** Decimals of the answer, which a contract never changes. */
export async function contractDecimals(chain: ChainReader, feed: ContractRef): Promise<number> {
  const functionName = 'decimals'
  const data = await chain.call(feed.chainId, {
    to: feed.address,
    data: encodeFunctionData({ abi: oracleFeedAbi, functionName }),
  })
  return decodeFunctionResult({ abi: oracleFeedAbi, functionName, data })
}
