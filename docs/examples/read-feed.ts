// Reads a feed of the devnet with viem: node docs/examples/read-feed.ts [feed] [devnet.json]
import { readFileSync } from 'node:fs'
import { createPublicClient, formatUnits, http } from 'viem'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import type { DevnetDescription } from '../../node/devnet/description.ts'

const [id = 'iyi-usd-price', path = '.iyi/devnet/devnet.json'] = process.argv.slice(2)
const devnet: DevnetDescription = JSON.parse(readFileSync(path, 'utf8'))
const feed = devnet.feeds.find((entry) => entry.id === id)
const chain = devnet.chains.find((entry) => entry.id === feed?.chainId)
if (feed === undefined || chain === undefined) throw new RangeError(`${path} has no feed ${id}`)

const client = createPublicClient({ transport: http(chain.rpc) })
const contract = { address: feed.address, abi: oracleFeedAbi } as const
const status = await client.readContract({ ...contract, functionName: 'status' })
const [round, answer, observedAt] = await client.readContract({
  ...contract,
  functionName: 'latestRoundData',
})

const state = ['no data', 'fresh', 'stale', 'out of range'][status]
const time = new Date(Number(observedAt) * 1000).toISOString()
process.stdout.write(`${id} ${formatUnits(answer, feed.decimals)}, round ${round}, ${state}, of ${time}\n`)
