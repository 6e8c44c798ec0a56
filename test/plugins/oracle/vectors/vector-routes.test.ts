import { keccak256 } from 'viem'
import { expect, test } from 'vitest'
import { encodeOnchainConfig } from '../../../../plugins/oracle/contract-config.ts'
import type { FeedOutcome } from '../../../../plugins/oracle/feed-types.ts'
import { encodeVectorOnchainConfig } from '../../../../plugins/oracle/vector-config.ts'
import { listen, until } from '../../../adapters/hono/fixture.ts'
import {
  FEED_ADDRESS,
  HOME,
  labels,
  ORIGIN,
  onchain,
  outcome,
  POOL_HOME,
  roundRow,
  vectorRow,
} from '../kit.ts'
import { CONFIG, type RoundBody, serveOracle, signers } from '../served.ts'

const MODEL = keccak256('0x07')
const term = {
  id: 'term',
  decimals: 8,
  contract: { chainId: HOME, address: FEED_ADDRESS, kind: 'vector' },
  source: {
    kind: 'model',
    model: 'volatility',
    pools: [{ chainId: HOME, address: POOL_HOME, base: 'token0', baseDecimals: 18, quoteDecimals: 6 }],
  },
}
const config = { feeds: [term] }
const elsewhere = `0x${'ee'.repeat(20)}`
const other = { ...term, id: 'other', contract: { chainId: HOME, address: elsewhere } }

const agreed: FeedOutcome<readonly bigint[]> = {
  ...outcome(),
  feedId: 'term',
  modelDigest: MODEL,
  observations: [
    { oracle: 0, value: [100n, 7n, -3n], accepted: true },
    { oracle: 2, value: [900n, 7n, -3n], accepted: false },
    { oracle: 3, value: [101n, 9n, -3n], accepted: true },
  ],
  answer: [101n, 9n, -3n],
  spread: 2n,
  lastReport: { answer: [101n, 9n, -3n], timestamp: ORIGIN + 100 },
}

const configured = (onchainConfig: `0x${string}`, configCount: bigint) => ({
  id: `config-${configCount}`,
  chainId: HOME,
  contract: FEED_ADDRESS.toLowerCase() as `0x${string}`,
  configDigest: CONFIG,
  configCount,
  signers: [],
  transmitters: [],
  f: 1,
  onchainConfig,
  offchainConfigVersion: 30n,
  offchainConfig: '0x' as const,
  blockNumber: 1n,
  timestamp: 1n,
})

test('a vector feed shows its labels and its newest vector, and no single answer', async () => {
  const { get, index } = await serveOracle(config)
  expect((await get('/v1/feeds/term')).body.data).toMatchObject({ labels: null, latest: null })
  const config1 = encodeVectorOnchainConfig({ ...onchain, modelDigest: MODEL, labels: [1n] })
  const config2 = encodeVectorOnchainConfig({ ...onchain, modelDigest: MODEL, labels })
  index.add('validatorConfig', configured(config1, 1n), configured(config2, 2n))
  index.add('feedVectorRound', vectorRow(1, [1n, 2n, 3n]), vectorRow(2, [4n, -5n, 6n]))
  index.add('feedVectorRound', vectorRow(3, [0n, 0n, 0n], { roundId: 0n, accepted: false }))
  // Rounds of another table are not its own.
  index.add('feedRound', roundRow(9))
  const { status, body } = await get('/v1/feeds')
  expect(status).toBe(200)
  expect(body.data).toMatchObject([
    {
      id: 'term',
      contract: { kind: 'vector' },
      labels: ['300', '900', '3600'],
      latest: {
        round: '2',
        answer: null,
        answers: ['4', '-5', '6'],
        agreement: { agreeing: 3, observers: 4, spread: '5' },
      },
    },
  ])
  const rounds = await get('/v1/feeds/term/rounds')
  expect(rounds.body.data).toMatchObject([{ answers: ['4', '-5', '6'] }, { answers: ['1', '2', '3'] }])
})

test('a feed whose contract is no vector feed has no labels, and hides no other one', async () => {
  const { get, index } = await serveOracle({ feeds: [term, other] })
  index.add('validatorConfig', configured(encodeOnchainConfig({ ...onchain, modelDigest: MODEL }), 1n))
  const { status, body } = await get('/v1/feeds')
  expect(status).toBe(200)
  expect(body.data).toMatchObject([{ id: 'term', labels: null }, { id: 'other' }])
})

test('the evidence has every validator’s vector and its distance from the answer', async () => {
  const { get, transmitVector } = await serveOracle(config)
  const { keep, payload } = await transmitVector(7, agreed)
  keep()
  const { status, body } = await get<RoundBody>('/v1/feeds/term/rounds/7')
  expect(status).toBe(200)
  expect(body.data).toMatchObject({
    answers: ['101', '9', '-3'],
    agreement: { agreeing: 2, observers: 3, spread: '2' },
    report: { payload, signatures: [{ signer: signers[1] }, { signer: signers[2] }] },
    evidence: { spread: '2' },
  })
  expect(body.data.evidence.observations).toMatchObject([
    { oracle: 0, value: null, values: ['100', '7', '-3'], distance: '2', accepted: true },
    { oracle: 2, value: null, values: ['900', '7', '-3'], distance: '799', accepted: false },
    { oracle: 3, value: null, values: ['101', '9', '-3'], distance: '0', accepted: true },
  ])
  expect(keccak256(body.data.evidence.encoded)).toBe(body.data.evidenceDigest)
})

test('its rounds are on the stream, and other plugins can ask for the newest', async () => {
  const { url, events, index, api } = await serveOracle(config)
  await expect(api.latestVector('term')).resolves.toBeNull()
  index.add('feedVectorRound', vectorRow(2, [4n, -5n, 6n]))
  await expect(api.latest('term')).resolves.toBeNull()
  await expect(api.latestVector('term')).resolves.toEqual({
    feed: 'term',
    roundId: 2n,
    answers: [4n, -5n, 6n],
    decimals: 8,
    observationsTimestamp: BigInt(ORIGIN + 20),
  })
  const stream = listen(`${url}/v1/stream`)
  await stream.response
  events.emit({
    name: 'vector.VectorTransmitted',
    chainId: HOME,
    blockNumber: 5n,
    blockHash: CONFIG,
    logIndex: 0,
    transactionHash: CONFIG,
    timestamp: 1n,
    address: FEED_ADDRESS.toLowerCase() as `0x${string}`,
    data: { roundId: '2' },
  })
  const found = await until(() => stream.events().find(({ type }) => type === 'feed.round'))
  expect(found.data).toMatchObject({ feed: 'term', round: '2', answer: null, answers: ['4', '-5', '6'] })
})
