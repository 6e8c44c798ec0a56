import { parseEventLogs, zeroHash } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import {
  contextOf,
  deployFeed,
  EVIDENCE,
  type Feed,
  feedConfig,
  HEARTBEAT_SECONDS,
  MAX_ANSWER,
  MIN_ANSWER,
  MODEL,
  reportOf,
  transmission,
  transmit,
  tryTransmit,
} from './feed-fixture.ts'
import { type Network, openNetwork, refusal } from './network.ts'

const STATUS = { noData: 0, fresh: 1, stale: 2, outOfRange: 3 } as const

let network: Network

beforeAll(async () => {
  network = await openNetwork()
})

afterAll(() => network.close())

function read(feed: Feed) {
  const contract = { address: feed.address, abi: oracleFeedAbi } as const
  return {
    status: () => network.public.readContract({ ...contract, functionName: 'status' }),
    latest: () => network.public.readContract({ ...contract, functionName: 'latestRoundData' }),
    round: (id: bigint) =>
      network.public.readContract({ ...contract, functionName: 'getRoundData', args: [id] }),
  }
}

/** Sends a report of the feed's whole quorum and gives its events. */
async function publish(feed: Feed, epoch: number, changes: Parameters<typeof reportOf>[1] = {}) {
  const receipt = await transmit(
    feed,
    await transmission(feed, contextOf(feed, epoch), await reportOf(feed, changes)),
  )
  return parseEventLogs({ abi: oracleFeedAbi, logs: receipt.logs })
}

describe('a feed', () => {
  it('shows what the quorum signed, and says so in Chainlink’s events and its own', async () => {
    const feed = await deployFeed(network, 4)
    expect(await read(feed).status()).toBe(STATUS.noData)
    expect((await refusal(read(feed).latest())).name).toBe('OracleFeed__NoData')

    const observationsTimestamp = Number((await network.public.getBlock()).timestamp)
    const events = await publish(feed, 1, { answer: 250_000n, observationsTimestamp })
    const { timestamp } = await network.public.getBlock()
    expect(events.map(({ eventName, args }) => ({ eventName, args }))).toEqual([
      {
        eventName: 'NewRound',
        args: { roundId: 1n, startedBy: feed.transmitter, startedAt: BigInt(observationsTimestamp) },
      },
      { eventName: 'AnswerUpdated', args: { current: 250_000n, roundId: 1n, updatedAt: timestamp } },
      {
        eventName: 'ReportTransmitted',
        args: {
          roundId: 1,
          configDigest: feed.digest,
          epochAndRound: 1 * 256 + 1,
          answer: 250_000n,
          observationsTimestamp,
          evidenceDigest: EVIDENCE,
          modelDigest: MODEL,
          transmitter: feed.transmitter,
        },
      },
    ])
    expect(await read(feed).latest()).toEqual([1n, 250_000n, BigInt(observationsTimestamp), timestamp, 1n])
    expect(await read(feed).round(1n)).toEqual([1n, 250_000n, BigInt(observationsTimestamp), timestamp, 1n])
    expect(await read(feed).status()).toBe(STATUS.fresh)
  })

  it('goes stale after the heartbeat, with the last round still readable', async () => {
    const feed = await deployFeed(network, 4)
    await publish(feed, 1, { answer: 7n })
    const before = await read(feed).latest()
    await network.test.increaseTime({ seconds: HEARTBEAT_SECONDS + 60 })
    await network.test.mine({ blocks: 1 })
    expect(await read(feed).status()).toBe(STATUS.stale)
    expect(await read(feed).latest()).toEqual(before)
    await publish(feed, 2, { answer: 8n })
    expect(await read(feed).status()).toBe(STATUS.fresh)
  })

  it.each([MIN_ANSWER - 1n, MAX_ANSWER + 1n])(
    'flags an answer of %s and keeps the last round',
    async (answer) => {
      const feed = await deployFeed(network, 4)
      await publish(feed, 1, { answer: 7n })
      const before = await read(feed).latest()
      const [event, ...more] = await publish(feed, 2, { answer })
      expect(more).toEqual([])
      expect(event?.eventName).toBe('AnswerOutOfRange')
      expect(event?.args).toMatchObject({ roundId: 1, answer, configDigest: feed.digest, modelDigest: MODEL })
      expect(await read(feed).status()).toBe(STATUS.outOfRange)
      expect(await read(feed).latest()).toEqual(before)
      // The report was accepted all the same: it can't be sent again.
      const again = await transmission(feed, contextOf(feed, 2), await reportOf(feed, { answer }))
      expect((await refusal(tryTransmit(feed, again))).name).toBe('QuorumVerifier__RepeatedRound')
      await publish(feed, 3, { answer: 8n })
      expect(await read(feed).status()).toBe(STATUS.fresh)
    },
  )

  it('takes answers below zero and at the edges of the type', async () => {
    const [min, max] = [-(2n ** 191n), 2n ** 191n - 1n]
    const feed = await deployFeed(network, 4, feedConfig({ min, max }))
    for (const [i, answer] of [min, -1n, 0n, max].entries()) {
      await publish(feed, i + 1, { answer })
      expect((await read(feed).latest())[1]).toBe(answer)
    }
  })

  it('without a model takes only reports without a model', async () => {
    const feed = await deployFeed(network, 4, feedConfig({ modelDigest: zeroHash }))
    await publish(feed, 1, { modelDigest: zeroHash })
    const args = await transmission(feed, contextOf(feed, 2), await reportOf(feed, { modelDigest: MODEL }))
    expect(await refusal(tryTransmit(feed, args))).toEqual({
      name: 'OracleFeed__WrongModel',
      args: [MODEL, zeroHash],
    })
  })
})

describe('signed reports that a feed refuses', () => {
  let feed: Feed
  beforeAll(async () => {
    feed = await deployFeed(network, 4)
    await publish(feed, 1)
  })

  it.each(['0x', `0x${'00'.repeat(96)}`, `0x${'00'.repeat(127)}`, `0x${'00'.repeat(160)}`] as const)(
    'a wrong length (%#)',
    async (report) => {
      const found = await refusal(tryTransmit(feed, await transmission(feed, contextOf(feed, 2), report)))
      expect(found).toEqual({
        name: 'OracleFeed__WrongReportLength',
        args: [BigInt(report.length / 2 - 1), 128n],
      })
    },
  )

  it('words that do not fit their types', async () => {
    const report = await reportOf(feed)
    const found = await refusal(
      tryTransmit(feed, await transmission(feed, contextOf(feed, 2), `0xff${report.slice(4)}`)),
    )
    expect(found.name).toBe('OracleFeed__MalformedReport')
  })

  it('another model, or none', async () => {
    for (const modelDigest of [EVIDENCE, zeroHash]) {
      const args = await transmission(feed, contextOf(feed, 2), await reportOf(feed, { modelDigest }))
      expect(await refusal(tryTransmit(feed, args))).toEqual({
        name: 'OracleFeed__WrongModel',
        args: [modelDigest, MODEL],
      })
    }
  })

  it('an observation from the future', async () => {
    const observationsTimestamp = Number((await network.public.getBlock()).timestamp) + 1000
    const args = await transmission(feed, contextOf(feed, 2), await reportOf(feed, { observationsTimestamp }))
    expect((await refusal(tryTransmit(feed, args))).name).toBe('OracleFeed__ObservedInFuture')
  })

  it('an observation older than the last', async () => {
    const last = await network.public.readContract({
      address: feed.address,
      abi: oracleFeedAbi,
      functionName: 'latestObservationsTimestamp',
    })
    const report = await reportOf(feed, { observationsTimestamp: last - 1 })
    const found = await refusal(tryTransmit(feed, await transmission(feed, contextOf(feed, 2), report)))
    expect(found).toEqual({ name: 'OracleFeed__ObservedBeforeLast', args: [last - 1, last] })
  })
})
