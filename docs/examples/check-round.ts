// Checks a round of a feed against the chains: npm run example -- check-round [feed] [round] [devnet.json]
//
// A node is asked for the evidence and is not trusted: what was signed comes from the transaction, who may sign from
// the contract, and every pinned block from its own chain.
import { strict as assert } from 'node:assert'
import {
  concat,
  createPublicClient,
  decodeAbiParameters,
  decodeFunctionData,
  formatUnits,
  type Hex,
  hexToBytes,
  http,
  keccak256,
  parseAbiParameters,
  recoverAddress,
} from 'viem'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import { end, openDevnet } from './devnet/open-devnet.ts'

const reportAbi = parseAbiParameters(
  'uint32 observationsTimestamp, int192 answer, bytes32 evidenceDigest, bytes32 modelDigest',
)
/** The outcome's first fields; those after them say when the next report is due. */
const outcomeAbi = parseAbiParameters([
  'string feedId, bytes32 modelDigest, Pin[] pins, Observation[] observations, int192 answer',
  'struct Pin { uint64 chainId; uint64 number; bytes32 hash; uint64 timestamp; }',
  'struct Observation { uint8 oracle; int192 value; bool accepted; }',
])

const [id = 'iyi-usd-price', wanted = 'latest', path = '.iyi/devnet/devnet.json'] = process.argv.slice(2)
const { devnet, feed } = await openDevnet(path, id, 'number')
const on = (chainId: number | bigint) =>
  createPublicClient({ transport: http(devnet.chains.find((chain) => chain.id === Number(chainId))?.rpc) })
async function ask<T>(route: string): Promise<T> {
  for (const api of devnet.api) {
    const answer = await fetch(`${api}${route}`).catch(() => null)
    if (!answer?.ok) continue
    const { data } = (await answer.json()) as { data: T & { evidence?: object | null } }
    // A validator that did not take part in a round has no evidence of it.
    if (data.evidence !== null) return data
  }
  return end(`no validator answers ${route}`)
}

type Feed = { latest: { round: string } }
type Round = { transaction: { hash: Hex }; evidence: { encoded: Hex } }
const round = wanted !== 'latest' ? wanted : (await ask<Feed>(`/v1/feeds/${id}`)).latest.round
const { transaction, evidence } = await ask<Round>(`/v1/feeds/${id}/rounds/${round}`)
const client = on(feed.chainId)
const contract = { address: feed.address, abi: oracleFeedAbi } as const

// 1. The report stands in a transaction that the feed took. Its signers are f + 1 different ones of the feed's own.
const { to, input, blockNumber } = await client.getTransaction({ hash: transaction.hash })
assert.equal(to?.toLowerCase(), feed.address.toLowerCase())
const { functionName, args } = decodeFunctionData({ abi: oracleFeedAbi, data: input })
assert(functionName === 'transmit')
const [context, report, rs, ss, rawVs] = args
const hash = keccak256(concat([keccak256(report), ...context]))
const recovered = await Promise.all(
  rs.map((r, i) =>
    recoverAddress({ hash, signature: { r, s: ss[i] ?? '0x', yParity: hexToBytes(rawVs)[i] ?? 0 } }),
  ),
)
const signers = await client.readContract({ ...contract, functionName: 'getSigners', blockNumber })
const f = await client.readContract({ ...contract, functionName: 'faultTolerance', blockNumber })
assert.equal(new Set(recovered).size, f + 1)
assert(recovered.every((signer) => signers.includes(signer)))

// 2. The signed report binds the evidence, and the answer is its median, the upper one of an even number.
const [, answer, evidenceDigest, modelDigest] = decodeAbiParameters(reportAbi, report)
assert.equal(keccak256(evidence.encoded), evidenceDigest)
const [feedId, model, pins, observations, median] = decodeAbiParameters(outcomeAbi, evidence.encoded)
assert.deepEqual([feedId, model, median], [id, modelDigest, answer])
const accepted = observations.filter((entry) => entry.accepted).map(({ value }) => value)
accepted.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
assert.equal(accepted[accepted.length >> 1], answer)

// 3. Every block that the validators looked at is one of its chain.
for (const pin of pins) {
  const block = await on(pin.chainId).getBlock({ blockNumber: pin.number })
  assert.deepEqual([block.hash, block.timestamp], [pin.hash, pin.timestamp])
}
process.stdout.write(
  `${id} round ${round} holds: ${formatUnits(answer, feed.decimals)} is the ${accepted.length % 2 === 0 ? 'upper ' : ''}median of ${accepted.length} observations ` +
    `at blocks ${pins.map((pin) => `${pin.number} of chain ${pin.chainId}`).join(' and ')}, ` +
    `signed by ${recovered.length} of ${signers.length} validators\n`,
)
