import { parseEventLogs } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import { uniqueReportLogAbi } from '../../contracts/abi/UniqueReportLog.ts'
import {
  contextOf,
  type Feed,
  newOracleSet,
  setConfig,
  signedBy,
  transmit,
  tryTransmit,
} from './feed-fixture.ts'
import { deploy, type Network, openNetwork, refusal, sender } from './network.ts'
import { configDigest, transmitArgs } from './quorum-report.ts'

let network: Network

beforeAll(async () => {
  network = await openNetwork()
})

afterAll(() => network.close())

/** A contract of `n` oracles that demands a Byzantine quorum. Its `transmit` is a feed's. */
async function deployLog(n: number): Promise<Feed> {
  const address = await deploy(network, 'UniqueReportLog', [sender(network, 0)])
  const { keys, set, transmitter } = newOracleSet(network, n, '0x')
  await setConfig(network, address, set)
  const digest = configDigest({ chainId: network.chainId, contract: address, configCount: 1n }, set)
  return { network, address, keys, set, digest, transmitter }
}

it.each([
  [4, 1, 3],
  [5, 1, 4],
  [10, 3, 7],
  [31, 10, 21],
])('of %i oracles with f = %i it wants %i signatures', async (n, f, quorum) => {
  const log = await deployLog(n)
  const context = contextOf(log, 1)
  const signed = async (count: number) => {
    const indices = Array.from({ length: count }, (_, index) => n - count + index)
    return transmitArgs(context, '0x1234', await signedBy(log, indices, context, '0x1234'))
  }
  const required = { address: log.address, abi: oracleFeedAbi, functionName: 'requiredSignatures' } as const
  expect(await network.public.readContract(required)).toBe(BigInt(quorum))
  for (const count of [f + 1, quorum - 1])
    expect(await refusal(tryTransmit(log, await signed(count)))).toEqual({
      name: 'QuorumVerifier__TooFewSignatures',
      args: [BigInt(count), BigInt(quorum)],
    })
  if (quorum < n)
    expect((await refusal(tryTransmit(log, await signed(quorum + 1)))).name).toBe(
      'QuorumVerifier__TooManySignatures',
    )
  const { logs } = await transmit(log, await signed(quorum))
  expect(parseEventLogs({ abi: uniqueReportLogAbi, logs }).map(({ args }) => args)).toEqual([
    { configDigest: log.digest, epochAndRound: 257, report: '0x1234' },
  ])
})
