import { readFileSync } from 'node:fs'
import { keccak256 } from 'viem'
import { describe, expect, test } from 'vitest'
import { listen, until } from '../../adapters/hono/fixture.ts'
import { AWAY, FEED_ADDRESS, HOME, ORIGIN, POOL_HOME, roundRow } from './kit.ts'
import { CONFIG, type Page, type RoundBody, serveOracle, signers, TRANSMITTER } from './served.ts'
import { verifyRound } from './verify-round.ts'

const pools = [{ chainId: HOME, address: POOL_HOME, base: 'token0', baseDecimals: 18, quoteDecimals: 6 }]
const contract = { chainId: HOME, address: FEED_ADDRESS }
const price = {
  id: 'price',
  description: 'IYI / USD',
  decimals: 8,
  contract,
  source: { kind: 'pool-price', pools },
}
const volatility = {
  id: 'volatility',
  decimals: 8,
  contract: { chainId: HOME, address: `0x${'22'.repeat(20)}` },
  source: { kind: 'model', model: 'volatility', pools },
}
const REGISTRY = { chainId: HOME, address: `0x${'33'.repeat(20)}` }
const config = { feeds: [price, volatility], registry: REGISTRY }

/** Follows nextCursor to the end. */
async function walk(get: (path: string) => Promise<{ status: number; body: Page }>, path: string) {
  const pages: (readonly unknown[])[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const answer: { status: number; body: Page } = await get(
      `${path}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    expect(answer.status).toBe(200)
    pages.push(answer.body.data)
    cursor = answer.body.nextCursor
  }
  return pages
}

describe('feeds', () => {
  test('with their newest rounds, duties and freshness', async () => {
    const { get, index } = await serveOracle(config)
    index.add('feedRound', roundRow(1), roundRow(2), roundRow(3, { roundId: 0n, accepted: false }))
    const { status, body } = await get('/v1/feeds')
    expect(status).toBe(200)
    expect(body.nextCursor).toBeNull()
    expect(body.meta.chains).toMatchObject([{ chainId: HOME, head: '50', indexed: '49', lagBlocks: 1 }])
    expect(body.data).toMatchObject([
      {
        id: 'price',
        kind: 'pool-price',
        model: null,
        contract,
        latest: {
          round: '2',
          answer: '1002',
          decimals: 8,
          transmitter: TRANSMITTER,
          observationsTimestamp: ORIGIN + 20,
        },
        ageSeconds: 475,
        duty: { state: 'running', reason: null, configDigest: CONFIG, validators: 4, f: 1, seqNr: '9' },
      },
      { id: 'volatility', kind: 'model', model: 'volatility', latest: null, ageSeconds: null },
    ])
    const one = await get('/v1/feeds/price')
    expect(one.body.data).toEqual(body.data[0])
  })

  test('page by page', async () => {
    const { get } = await serveOracle(config)
    const pages = await walk(get, '/v1/feeds?limit=1')
    expect(pages).toMatchObject([[{ id: 'price' }], [{ id: 'volatility' }]])
  })

  test('problems', async () => {
    const { get, index } = await serveOracle(config)
    expect(await get('/v1/feeds/none')).toMatchObject({ status: 404, body: { code: 'ORACLE_UNKNOWN_FEED' } })
    expect(await get('/v1/feeds/none/rounds')).toMatchObject({
      status: 404,
      body: { code: 'ORACLE_UNKNOWN_FEED' },
    })
    expect(await get('/v1/feeds/price/rounds/1')).toMatchObject({
      status: 404,
      body: { code: 'ORACLE_UNKNOWN_ROUND' },
    })
    expect((await get('/v1/feeds/price/rounds/-1')).status).toBe(400)
    expect((await get('/v1/feeds/price/rounds/01')).status).toBe(400)
    for (const cursor of ['!', 'AAAA', 'bnVsbA', 'LTE', 'IngiMQ', 'MS41', 'e30'])
      for (const path of ['/v1/feeds', '/v1/feeds/price/rounds', '/v1/models'])
        expect((await get(`${path}?cursor=${cursor}`)).status, `${path} ${cursor}`).toBe(400)
    index.setDown(true)
    expect(await get('/v1/feeds')).toMatchObject({ status: 503, body: { code: 'INDEX_UNAVAILABLE' } })
  })
})

describe('rounds', () => {
  test('newest first, without gaps or repeats, while new ones arrive', async () => {
    const { get, index } = await serveOracle(config)
    for (let round = 1; round <= 11; round++) index.add('feedRound', roundRow(round))
    index.add('feedRound', roundRow(12, { roundId: 0n, accepted: false }))
    index.add('feedRound', roundRow(99, { feed: `0x${'22'.repeat(20)}` }), roundRow(98, { chainId: AWAY }))
    const first = await get('/v1/feeds/price/rounds?limit=4')
    const numbers = (rounds: readonly unknown[]) =>
      (rounds as { round: string }[]).map(({ round }) => Number(round))
    expect(numbers(first.body.data)).toEqual([11, 10, 9, 8])
    index.add('feedRound', roundRow(13))
    const second = await get(`/v1/feeds/price/rounds?limit=4&cursor=${first.body.nextCursor}`)
    expect(numbers(second.body.data)).toEqual([7, 6, 5, 4])
    const third = await get(`/v1/feeds/price/rounds?limit=3&cursor=${second.body.nextCursor}`)
    expect(numbers(third.body.data)).toEqual([3, 2, 1])
    expect(third.body.nextCursor).toBeNull()
    expect((await walk(get, '/v1/feeds/price/rounds?limit=5')).map(numbers)).toEqual([
      [13, 11, 10, 9, 8],
      [7, 6, 5, 4, 3],
      [2, 1],
    ])
  })
})

describe('evidence', () => {
  test('a round is checked with viem alone', async () => {
    const { get, transmitRound } = await serveOracle(config)
    const { payload, hash, keep } = await transmitRound(7)
    keep()
    const { status, body } = await get<RoundBody>('/v1/feeds/price/rounds/7')
    expect(status).toBe(200)
    const { data } = body
    expect(keccak256(data.evidence.encoded)).toBe(data.evidenceDigest)
    expect(data).toMatchObject({
      round: '7',
      seqNr: '7',
      transaction: { from: TRANSMITTER, blockNumber: '7' },
      report: {
        payload,
        digest: hash,
        signatures: [
          { signer: signers[1], oracle: 1 },
          { signer: signers[2], oracle: 2 },
        ],
      },
      evidence: { epoch: 3, leader: 2, spread: '1', pins: [{ number: '10' }, { number: '12' }] },
    })
    expect(data.evidence.observations).toMatchObject([
      { oracle: 0, signer: signers[0], value: '100', accepted: true },
      { oracle: 2, signer: signers[2], value: '-101', accepted: false },
      { oracle: 3, signer: signers[3], value: '101', accepted: true },
    ])
    await expect(verifyRound(data, signers, 1)).resolves.toMatchObject({
      feedId: 'price',
      answer: 101n,
      timestamp: ORIGIN + 100,
    })
  })

  test('the check notices every lie', async () => {
    const { get, transmitRound } = await serveOracle(config)
    const { keep } = await transmitRound(7)
    keep()
    const { data } = (await get<RoundBody>('/v1/feeds/price/rounds/7')).body
    const lies: [string, unknown, number][] = [
      ['another answer', { ...data, answer: '102' }, 1],
      ['other evidence', { ...data, evidence: { encoded: data.evidence.encoded.replace(/.$/, '0') } }, 1],
      [
        'a changed payload',
        { ...data, report: { ...data.report, payload: data.report.payload.replace(/.$/, '1') } },
        1,
      ],
      [
        'one signature twice',
        {
          ...data,
          report: { ...data.report, signatures: [data.report.signatures[0], data.report.signatures[0]] },
        },
        1,
      ],
      ['too few', data, 2],
    ]
    for (const [name, lie, f] of lies)
      await expect(verifyRound(lie as typeof data, signers, f), name).rejects.toThrow()
    await expect(verifyRound(data, signers.slice(2), 1)).rejects.toThrow()
  })

  test('no record at this node, an earlier configuration, a chain that does not answer', async () => {
    const other = await serveOracle(config, { configDigest: keccak256('0x02') })
    const { keep } = await other.transmitRound(7)
    expect((await other.get<RoundBody>('/v1/feeds/price/rounds/7')).body.data).toMatchObject({
      evidence: null,
      report: {
        signatures: [
          { signer: signers[1], oracle: null },
          { signer: signers[2], oracle: null },
        ],
      },
    })
    keep()
    other.chain.setDown(HOME, true)
    const { status, body } = await other.get<RoundBody>('/v1/feeds/price/rounds/7')
    expect(status).toBe(200)
    expect(body.data).toMatchObject({ report: null, transaction: { from: null } })
    expect(body.data.evidence.observations[0]).toMatchObject({ signer: null, consensusKey: null })
  })

  test('transmitted through another contract: the calldata is not taken for the report', async () => {
    const { get, transmitRound } = await serveOracle(config)
    const { keep } = await transmitRound(7, { to: `0x${'44'.repeat(20)}` })
    keep()
    const { body } = await get<RoundBody>('/v1/feeds/price/rounds/7')
    expect(body.data).toMatchObject({
      report: null,
      transaction: { from: TRANSMITTER },
      evidence: { leader: 2 },
    })
  })
})

describe('models', () => {
  test('beside their entry in the registry', async () => {
    const { get, index, inference } = await serveOracle(config)
    const model = {
      id: 'volatility',
      status: 'ok',
      reason: null,
      provider: 'cpu',
      tolerance: { absolute: '20', relativePpm: 100 },
    }
    expect((await get('/v1/models')).body).toMatchObject({
      data: [{ ...model, registered: null }],
      nextCursor: null,
    })
    const registry = REGISTRY.address as `0x${string}`
    index.add('modelVersion', {
      id: 'v',
      chainId: HOME,
      registry,
      modelId: 1n,
      version: 2,
      manifestDigest: keccak256('0x07'),
      uri: 'ipfs://x',
      active: true,
      createdBlock: 1n,
      timestamp: 1n,
    })
    inference.set({ status: { ok: false, reason: 'goldens differ' } })
    expect((await get('/v1/models')).body.data).toMatchObject([
      {
        status: 'refused',
        reason: 'goldens differ',
        registered: { chainId: HOME, modelId: '1', version: 2, uri: 'ipfs://x', active: true },
      },
    ])
  })
})

describe('one model', () => {
  const digest = keccak256('0x07')

  test('is found by id and by digest, with how far its newest runs are from its reference', async () => {
    const { get, inference } = await serveOracle(config)
    expect((await get('/v1/models/volatility')).body.data).toMatchObject({ digest, drift: null })
    const readings = [
      { kind: 'input', name: 'log_returns', psi: 0.31 },
      { kind: 'output', name: 'volatility', psi: 0.04 },
    ] as const
    const drift = { model: 'volatility', version: '1.0.0', digest, rows: 900, neededRows: 500 }
    inference.drifts([{ ...drift, readings }])
    const said = { rows: 900, neededRows: 500, greatest: 0.31, readings }
    expect((await get(`/v1/models/${digest}`)).body.data).toMatchObject({ id: 'volatility', drift: said })
    expect((await get('/v1/models')).body.data).toMatchObject([{ drift: said }])
    inference.drifts([{ ...drift, rows: 3, readings: [] }])
    expect((await get('/v1/models/volatility')).body.data).toMatchObject({
      drift: { rows: 3, greatest: null },
    })
  })

  test('that is not there is a 404', async () => {
    const { get } = await serveOracle(config)
    expect(await get('/v1/models/crystal-ball')).toMatchObject({
      status: 404,
      body: { code: 'ORACLE_UNKNOWN_MODEL' },
    })
  })
})

describe('the plugin', () => {
  test('tells other plugins the newest answer', async () => {
    const { api, index } = await serveOracle(config)
    expect(api.feeds).toEqual(['price', 'volatility'])
    await expect(api.latest('price')).resolves.toBeNull()
    await expect(api.latest('none')).resolves.toBeNull()
    index.add('feedRound', roundRow(1), roundRow(2))
    await expect(api.latest('price')).resolves.toEqual({
      feed: 'price',
      roundId: 2n,
      answer: 1_002n,
      decimals: 8,
      observationsTimestamp: BigInt(ORIGIN + 20),
    })
  })

  test('publishes accepted rounds of its own feeds, as the list of rounds has them', async () => {
    const { url, events, index, get } = await serveOracle(config)
    index.add('feedRound', roundRow(2))
    const stream = listen(`${url}/v1/stream`)
    await stream.response
    const event = {
      name: 'feed.ReportTransmitted',
      chainId: HOME,
      blockNumber: 5n,
      blockHash: CONFIG,
      logIndex: 0,
      transactionHash: CONFIG,
      timestamp: 1n,
      address: `0x${'99'.repeat(20)}`,
      data: { roundId: '2' },
    } as const
    const own = { ...event, address: FEED_ADDRESS.toLowerCase() as `0x${string}` }
    // The second is of a round that a reorg took away.
    events.emit(event, { ...own, logIndex: 1, data: { roundId: '9' } }, { ...own, logIndex: 2 })
    const found = await until(() => stream.events().find(({ type }) => type === 'feed.round'))
    const [listed] = (await get('/v1/feeds/price/rounds')).body.data
    expect(found.data).toEqual({ feed: 'price', ...(listed as object) })
    expect(stream.events()).toHaveLength(1)
  })

  test('is degraded by a duty that does not run and by a model that is refused', async () => {
    const good = await serveOracle(config)
    expect(good.health?.()).toEqual({ status: 'ok', detail: '2 feeds, 0 inference oracles' })
    good.inference.set({ status: { ok: false, reason: 'goldens differ' } })
    expect(good.health?.()).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining('goldens differ'),
    })
    const refused = await serveOracle(config, { state: 'refused', reason: 'bad config' })
    expect(refused.health?.()).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining('bad config'),
    })
  })
})

test('the README shows this very check of a round', () => {
  const file = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
  expect(file('../../../plugins/oracle/README.md')).toContain(file('./verify-round.ts').trim())
})
