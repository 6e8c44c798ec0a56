import { createPublicClient, http, parseAbi } from 'viem'
import type { Network } from './network.ts'
import { until } from './until.ts'

/** Chainlink's AggregatorV3Interface, and nothing else: all that a consumer of a feed knows. */
export const aggregatorV3 = parseAbi([
  'function decimals() view returns (uint8)',
  'function description() view returns (string)',
  'function version() view returns (uint256)',
  'function getRoundData(uint80 roundId) view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)',
  'function latestRoundData() view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)',
])

export type Client = ReturnType<typeof clientOf>

export function clientOf(net: Network, chainId: number) {
  const chain = net.description.chains.find(({ id }) => id === chainId)
  if (chain === undefined) throw new Error(`no chain ${chainId}`)
  return createPublicClient({ transport: http(chain.rpc) })
}

/** A JSON-RPC call that viem has no word for. */
export async function rpc(url: string, method: string, params: unknown[]): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(10_000),
  })
  const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } }
  if (error !== undefined) throw new Error(`${method}: ${error.message}`)
  return result
}

export function feedOf(net: Network, id: string) {
  const feed = net.description.feeds.find((entry) => entry.id === id)
  if (feed === undefined) throw new Error(`no feed ${id}`)
  return feed
}

/** `latestRoundData()` of a feed. */
export async function latestRound(net: Network, id: string) {
  const { chainId, address } = feedOf(net, id)
  const [roundId, answer, startedAt, updatedAt] = await clientOf(net, chainId).readContract({
    address,
    abi: aggregatorV3,
    functionName: 'latestRoundData',
  })
  return { roundId, answer, startedAt, updatedAt }
}

/** Resolves with the round that the chain has once `count` more than now are there. */
export async function moreRounds(
  net: Network,
  id: string,
  count: number,
  withinMs = 60_000,
): Promise<bigint> {
  const before = (await latestRound(net, id)).roundId
  let seen = before
  return until(
    `${count} more rounds of ${id} after ${before}`,
    async () => {
      seen = (await latestRound(net, id)).roundId
      return seen >= before + BigInt(count) && seen
    },
    { withinMs, everyMs: 300, saw: () => seen },
  )
}
