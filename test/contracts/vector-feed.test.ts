import { bytesToHex, parseEventLogs } from 'viem'
import { afterAll, describe, expect, it } from 'vitest'
import { oracleVectorFeedAbi } from '../../contracts/abi/OracleVectorFeed.ts'
import { vectorKind } from '../../plugins/oracle/kinds/vector.ts'
import { evidenceDigest } from '../../plugins/oracle/report.ts'
import { vector } from '../../plugins/oracle/values/vector.ts'
import { encodeVectorOnchainConfig } from '../../plugins/oracle/vector-config.ts'
import { outcome } from '../plugins/oracle/kit.ts'
import { contextOf, HEARTBEAT_SECONDS, MODEL, transmission, transmit, tryTransmit } from './feed-fixture.ts'
import { openNetwork, refusal } from './network.ts'
import { networkChain } from './network-chain.ts'
import { deployVectorFeed, labelsOf, MAX_ELEMENT, MIN_ELEMENT, type VectorFeed } from './vector-fixture.ts'

const network = await openNetwork()
afterAll(() => network.close())

const onchainConfig = encodeVectorOnchainConfig({
  minAnswer: MIN_ELEMENT,
  maxAnswer: MAX_ELEMENT,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  modelDigest: MODEL,
  labels: labelsOf(3),
})

/** What the validators agreed on just now, by the plugin's own code. */
async function agreedOn(answer: readonly bigint[]) {
  const { timestamp } = await network.public.getBlock()
  const agreed = {
    ...outcome(),
    feedId: 'term',
    modelDigest: MODEL,
    observations: [0, 1, 3].map((oracle) => ({ oracle, value: answer, accepted: oracle !== 1 })),
    answer,
    spread: 7n,
    timestamp: Number(timestamp),
    lastReport: null,
  }
  return { agreed, report: bytesToHex(vectorKind.report(agreed).payload) }
}

const read = (feed: VectorFeed, functionName: 'latestVector' | 'labels' | 'status') =>
  network.public.readContract({ address: feed.address, abi: oracleVectorFeedAbi, functionName })

describe('what the plugin writes for a vector feed', () => {
  it('is a configuration and a report that the contract takes, under f + 1 signatures', async () => {
    const feed = await deployVectorFeed(network, 4, 3, onchainConfig)
    expect(await read(feed, 'labels')).toEqual(labelsOf(3))
    const answer = [12_345_678n, -1_000n, 2n ** 140n]
    const { agreed, report } = await agreedOn(answer)
    const { logs } = await transmit(feed, await transmission(feed, contextOf(feed, 1), report))
    const [event] = parseEventLogs({ abi: oracleVectorFeedAbi, logs, eventName: 'VectorTransmitted' })
    expect(event?.args).toMatchObject({
      roundId: 1,
      configDigest: feed.digest,
      answers: answer,
      observationsTimestamp: agreed.timestamp,
      evidenceDigest: evidenceDigest(vector, agreed),
      modelDigest: MODEL,
      agreeing: 2,
      observers: 3,
      spread: 7n,
    })
    expect(await read(feed, 'latestVector')).toMatchObject([
      1n,
      answer,
      BigInt(agreed.timestamp),
      expect.anything(),
    ])
    await expect(
      vectorKind.latestTimestamp(networkChain(network), { chainId: network.chainId, address: feed.address }),
    ).resolves.toBe(agreed.timestamp)
  })

  it('is refused with another number of elements', async () => {
    const feed = await deployVectorFeed(network, 4, 3, onchainConfig)
    const { report } = await agreedOn([1n, 2n])
    const sent = tryTransmit(feed, await transmission(feed, contextOf(feed, 1), report))
    expect((await refusal(sent)).name).toBe('OracleFeed__WrongReportLength')
    expect(await read(feed, 'status')).toBe(0)
  })
})
