// Reads a feed of the devnet with viem: npm run example -- read-feed [feed] [devnet.json]
import { createPublicClient, formatUnits, http } from 'viem'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import { openDevnet } from './devnet/open-devnet.ts'

const [id = 'iyi-usd-price', path = '.iyi/devnet/devnet.json'] = process.argv.slice(2)
const { feed, chain } = await openDevnet(path, id, 'number')

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
