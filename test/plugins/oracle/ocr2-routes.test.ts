import { hexToBytes, keccak256 } from 'viem'
import { expect, test } from 'vitest'
import { ocr2Kind } from '../../../plugins/oracle/kinds/ocr2.ts'
import { listen, until } from '../../adapters/hono/fixture.ts'
import { FEED_ADDRESS, HOME, limits, ocr2Context, outcome, POOL_HOME, pin, roundRow } from './kit.ts'
import { CONFIG, type RoundBody, serveOracle, signers } from './served.ts'

const pools = [{ chainId: HOME, address: POOL_HOME, base: 'token0', baseDecimals: 18, quoteDecimals: 6 }]
const contract = { chainId: HOME, address: FEED_ADDRESS, kind: 'ocr2' }
const config = { feeds: [{ id: 'price', decimals: 8, contract, source: { kind: 'pool-price', pools } }] }
// Of the kit's outcome: the middle of what was accepted, 100 and 101, is the upper one.
const accepted = { value: { answer: 101n } }

test('a round: the report of the contract’s own format, and the evidence that its third context word names', async () => {
  const { get, transmitRound } = await serveOracle(config)
  const { payload, hash, keep } = await transmitRound(7, { kind: 'ocr2', ...accepted })
  keep()
  const { status, body } = await get<RoundBody>('/v1/feeds/price/rounds/7')
  expect(status).toBe(200)
  const { report, evidence, evidenceDigest, answer } = body.data
  expect(report).toMatchObject({
    payload,
    digest: hash,
    signatures: [
      { signer: signers[1], oracle: 1 },
      { signer: signers[2], oracle: 2 },
    ],
  })
  expect(report.context[2]).toBe(evidenceDigest)
  expect(keccak256(evidence.encoded)).toBe(evidenceDigest)
  expect(ocr2Kind.decodeReport(hexToBytes(report.payload)).answer).toBe(BigInt(answer))
})

test('a function of the foreign contract that is not `transmit` is not read', async () => {
  const { get, transmitRound } = await serveOracle(config)
  const { keep } = await transmitRound(7, { kind: 'ocr2', input: '0xdeadbeef', ...accepted })
  keep()
  const { status, body } = await get<RoundBody>('/v1/feeds/price/rounds/7')
  expect(status).toBe(200)
  expect(body.data).toMatchObject({ report: null, evidence: { leader: 2 } })
})

test('the feed with its kind, its newest round, and the answer that it withholds', async () => {
  const { get, index, duties, transmitRound, health } = await serveOracle(config)
  index.setHead(HOME, 50n)
  await transmitRound(7, { kind: 'ocr2', ...accepted })
  const feed = { contract, latest: { round: '7', answer: '101' } }
  expect((await get('/v1/feeds')).body.data).toMatchObject([{ ...feed, withheld: null }])

  const duty = duties.get('oracle/price')
  if (duty === undefined) throw new TypeError('no duty')
  // The pins are of no chain: what the configuration says is known nevertheless.
  await expect(
    duty.observe(ocr2Context({ configDigest: CONFIG }), { pins: [pin(1)] }, null),
  ).rejects.toThrow()
  const answer = limits.max + 1n
  const record = { dutyId: duty.id, configDigest: CONFIG, seqNr: 8n, epoch: 1 }
  await duty.onOutcome?.({ ...record, outcome: outcome({ answer, due: false }) })
  const withheld = {
    answer: '1001',
    minAnswer: '100',
    maxAnswer: '1000',
    observationsTimestamp: 1_700_000_100,
  }
  expect((await get('/v1/feeds/price')).body.data).toMatchObject({ ...feed, withheld })
  expect(health?.()).toMatchObject({
    status: 'degraded',
    reason: 'oracle/price does not report 1001: its contract takes 100 to 1000',
  })
})

test('rounds come through the stream, of events of its own kind alone', async () => {
  const { url, events, index } = await serveOracle(config)
  index.add('feedRound', roundRow(3))
  const stream = listen(`${url}/v1/stream`)
  await stream.response
  const event = {
    name: 'ocr2.NewTransmission',
    chainId: HOME,
    blockNumber: 5n,
    blockHash: CONFIG,
    logIndex: 0,
    transactionHash: CONFIG,
    timestamp: 1n,
    address: FEED_ADDRESS.toLowerCase() as `0x${string}`,
    data: { aggregatorRoundId: 3 },
  } as const
  events.emit({ ...event, name: 'feed.ReportTransmitted', data: { roundId: '3' } }, event)
  const found = await until(() => stream.events().find(({ type }) => type === 'feed.round'))
  expect(found.data).toMatchObject({ feed: 'price', decimals: 8, round: '3', answer: '1003' })
  expect(stream.events()).toHaveLength(1)
})
