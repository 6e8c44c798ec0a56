// Reads a feed of several numbers with viem: npm run example -- read-vector [feed] [devnet.json]
import { createPublicClient, formatUnits, http } from 'viem'
import { oracleVectorFeedAbi } from '../../contracts/abi/OracleVectorFeed.ts'
import { openDevnet } from './devnet/open-devnet.ts'

const [id = 'iyi-usd-volatility-term', path = '.iyi/devnet/devnet.json'] = process.argv.slice(2)
const { feed, chain } = await openDevnet(path, id, 'vector')

const client = createPublicClient({ transport: http(chain.rpc) })
const contract = { address: feed.address, abi: oracleVectorFeedAbi } as const
const status = await client.readContract({ ...contract, functionName: 'status' })
const labels = await client.readContract({ ...contract, functionName: 'labels' })
const [round, answers, observedAt] = await client.readContract({ ...contract, functionName: 'latestVector' })

const state = ['no data', 'fresh', 'stale', 'out of range'][status]
const time = new Date(Number(observedAt) * 1000).toISOString()
process.stdout.write(`${id} round ${round}, ${state}, of ${time}\n`)
for (const [i, answer] of answers.entries())
  process.stdout.write(`  ${String(labels[i]).padStart(6)}  ${formatUnits(answer, feed.decimals)}\n`)
