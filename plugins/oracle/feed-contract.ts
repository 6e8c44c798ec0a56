import { decodeFunctionResult, encodeFunctionData, parseAbi } from 'viem'
import type { ChainReader } from '../../node/ports/chain.ts'
import type { ContractRef } from '../../node/ports/quorum.ts'

/** The part of Chainlink's AggregatorV3Interface that contracts of every kind answer alike. */
const abi = parseAbi(['function decimals() view returns (uint8)'])

/** Decimals of the answer, which a contract never changes. */
export async function contractDecimals(chain: ChainReader, feed: ContractRef): Promise<number> {
  const data = await chain.call(feed.chainId, {
    to: feed.address,
    data: encodeFunctionData({ abi, functionName: 'decimals' }),
  })
  return decodeFunctionResult({ abi, functionName: 'decimals', data })
}
