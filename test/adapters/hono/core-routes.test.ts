import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { peerIdOf } from '../../../node/adapters/hono/peer-id.ts'
import { listSchema } from '../../../node/ports/http-schemas.ts'
import { offenceFromJson } from '../../../node/ports/offence-schema.ts'
import type { DutyStatus } from '../../../node/ports/quorum.ts'
import { judgeOffence } from '../../../node/quorum/offence.ts'
import { chainEvidence } from '../../compliance/agreement-store.ts'
import { memoryAgreements } from '../../fakes/agreement-store.ts'
import { commits, sampleOffence } from '../../quorum/sample-offence.ts'
import { serve } from './fixture.ts'

const address = (digit: string) => `0x${digit.repeat(40)}` as const
const key = (digit: string) => `0x${digit.repeat(64)}` as const

function duty(dutyId: string, self: number | null, order: readonly string[]): DutyStatus {
  return {
    dutyId,
    contract: { chainId: 31337, address: address('c') },
    state: 'running',
    configDigest: key('d'),
    n: order.length,
    f: 1,
    self,
    epoch: 3,
    leader: 1,
    seqNr: 10n,
    lastOutcomeAt: 1_700_000_000_000,
    requiredSignatures: 2,
    ownFaults: {},
    destinations: [],
    oracles: order.map((digit, index) => ({
      index,
      signer: address(digit),
      transmitter: address(digit),
      peerKey: key(digit),
      consensusKey: key(digit),
      connected: digit === '2',
      lastObservedSeqNr: digit === '3' ? null : 8n,
      participation: { rounds: 0, observed: 0, voted: 0, latenessMs: null, faults: {} },
    })),
  }
}

describe("the node's own routes", () => {
  it('tells readiness with every check, and liveness apart', async () => {
    let ready = false
    const { url, logs } = await serve(
      () => {},
      {},
      {
        readiness: async () => ({
          ready,
          checks: [{ name: 'head-lag', ok: ready, detail: '12 blocks behind' }],
        }),
      },
    )
    const not = await fetch(`${url}/ready`)
    expect(not.status).toBe(503)
    expect(await not.json()).toEqual({
      ready: false,
      checks: [{ name: 'head-lag', ok: false, detail: '12 blocks behind' }],
    })
    ready = true
    expect((await fetch(`${url}/ready`)).status).toBe(200)
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok' })
    expect(logs.some((entry) => entry.level === 'error')).toBe(false)
  })

  it('is not ready when a check itself fails', async () => {
    const { url } = await serve(() => {}, {}, { readiness: () => Promise.reject(new Error('x')) })
    const response = await fetch(`${url}/ready`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ ready: false, checks: [{ ok: false }] })
  })

  it('describes the node and merges validators over duties', async () => {
    const { url } = await serve(
      () => {},
      {},
      {
        freshness: async () => [
          {
            chainId: 31337,
            name: 'home',
            head: { number: 105n, hash: key('a'), timestamp: 1_700_000_000 },
            indexed: { number: 100n, timestamp: 1_699_999_990 },
            finalized: null,
            lagBlocks: 5,
          },
        ],
        plugins: () => [
          { id: 'oracle', version: '0.1.0', health: { status: 'degraded', reason: 'one feed is late' } },
        ],
        peers: () => [
          { peerId: 'p', addresses: ['/ip4/127.0.0.1/tcp/9421'], connected: true, direction: 'inbound' },
        ],
        duties: () => [duty('oracle/a', 0, ['1', '2', '3', '4']), duty('oracle/b', 1, ['2', '1'])],
      },
    )
    const response = await fetch(`${url}/v1/node`)
    expect(response.status).toBe(200)
    const node = (await response.json()) as {
      validators: { peerKey: string; duties: unknown[] }[]
      duties: { seqNr: string }[]
    }
    expect(node).toMatchObject({
      id: 'node-1',
      chains: [{ chainId: 31337, head: '105', indexed: '100', finalized: null, lagBlocks: 5 }],
      plugins: [{ id: 'oracle', health: { status: 'degraded', reason: 'one feed is late' } }],
      peers: [{ peerId: 'p', connected: true }],
      duties: [{ dutyId: 'oracle/a', seqNr: '10' }, { dutyId: 'oracle/b' }],
    })
    expect(node.validators).toHaveLength(4)
    expect(node.validators[0]).toMatchObject({
      index: 0,
      self: true,
      connected: true,
      peerId: peerIdOf(key('1')),
      duties: [
        { dutyId: 'oracle/a', index: 0, lastObservedSeqNr: '8', missedRounds: '2' },
        { dutyId: 'oracle/b', index: 1 },
      ],
    })
    expect(node.validators[1]).toMatchObject({ self: false, connected: true })
    expect(node.validators[2]).toMatchObject({ connected: false, duties: [{ lastObservedSeqNr: null }] })
  })

  it('describes each quorum: leader, required signatures, participation and faults', async () => {
    const participation = {
      rounds: 10,
      observed: 9,
      voted: 8,
      latenessMs: { mean: 1.5, max: 9 },
      faults: { 'bad-signature': 2 },
    }
    const one = duty('oracle/a', 0, ['1', '2', '3', '4'])
    const oracles = one.oracles.map((oracle) => ({ ...oracle, participation }))
    const { url } = await serve(
      () => {},
      {},
      { duties: () => [{ ...one, oracles, ownFaults: { 'sign-refused': 1 } }] },
    )
    const response = await fetch(`${url}/v1/quorum`)
    expect(response.status).toBe(200)
    const { faults, ...counts } = participation
    expect(await response.json()).toMatchObject({
      data: [
        {
          dutyId: 'oracle/a',
          n: 4,
          f: 1,
          quorum: 3,
          requiredSignatures: 2,
          epoch: 3,
          leader: 1,
          seqNr: '10',
          faults: { 'sign-refused': 1 },
          validators: [
            {
              index: 0,
              self: true,
              leader: false,
              peerId: peerIdOf(key('1')),
              participation: counts,
              faults,
            },
            { index: 1, self: false, leader: true },
            { lastObservedSeqNr: null },
            {},
          ],
        },
      ],
      nextCursor: null,
    })
  })

  it('serves evidence of offences: a list in pages, filtered, and one by id', async () => {
    const record = sampleOffence({ statement: 'commit', statements: commits })
    const asked: unknown[] = []
    const { url } = await serve(
      () => {},
      {},
      {
        offences: async (filter) => {
          asked.push(filter)
          return { records: [record], cursor: '17' }
        },
        offence: async (id) => (id === record.id ? record : null),
      },
    )
    const first = (await (await fetch(`${url}/v1/quorum/evidence?oracle=2&offence=equivocation`)).json()) as {
      data: unknown[]
      nextCursor: string
    }
    expect(judgeOffence(offenceFromJson(first.data[0]))).toEqual({ valid: true, proof: 'self' })
    await fetch(`${url}/v1/quorum/evidence?limit=5&duty=oracle/a&cursor=${first.nextCursor}`)
    expect(asked).toEqual([
      { limit: 20, oracle: 2, offence: 'equivocation' },
      { limit: 5, dutyId: 'oracle/a', before: '17' },
    ])
    const one = (await (await fetch(`${url}/v1/quorum/evidence/${record.id}`)).json()) as { data: unknown }
    expect(one.data).toEqual(first.data[0])
    const missing = await fetch(`${url}/v1/quorum/evidence/${key('7')}`)
    expect(missing.status).toBe(404)
    expect(await missing.json()).toMatchObject({ code: 'QUORUM_UNKNOWN_OFFENCE' })
    for (const query of ['oracle=31', 'oracle=x', 'offence=murder', 'limit=0', 'cursor=!!'])
      expect((await fetch(`${url}/v1/quorum/evidence?${query}`)).status).toBe(400)
  })

  it('serves evidence of contradictions: a list of a chain in pages, and one with its proof', async () => {
    const store = memoryAgreements()
    await store.record(chainEvidence({ id: key('1') }))
    await store.record(chainEvidence({ id: key('2') }))
    const { url } = await serve(
      () => {},
      {},
      {
        chainEvidence: (filter) => store.evidence(filter),
        oneChainEvidence: (chainId, id) => store.oneEvidence(chainId, id),
      },
    )
    type List = { data: { id: string; receipts?: unknown }[]; nextCursor: string | null }
    const get = async (path: string) => (await (await fetch(`${url}/v1/chains${path}`)).json()) as List
    const first = await get('/1/evidence?limit=1')
    expect(first.data).toMatchObject([{ id: key('2') }])
    expect(first.data[0]).not.toHaveProperty('receipts')
    expect((await get(`/1/evidence?limit=1&cursor=${first.nextCursor}`)).data).toMatchObject([
      { id: key('1') },
    ])
    expect((await get('/2/evidence')).data).toEqual([])
    expect(await get(`/1/evidence/${key('1')}`)).toMatchObject({ data: chainEvidence({ id: key('1') }) })
    expect((await fetch(`${url}/v1/chains/1/evidence/${key('7')}`)).status).toBe(404)
    for (const path of ['/x/evidence', '/0/evidence', '/1/evidence?limit=1000', '/1/evidence?cursor=x'])
      expect((await fetch(`${url}/v1/chains${path}`)).status).toBe(400)
  })

  it('tells how far each chain is agreed on, and how each provider does', async () => {
    const provider = { weight: 1, requests: 9, perSecond: 1.5, limitPerSecond: 25, state: 'well' as const }
    const { url } = await serve(
      () => {},
      {},
      {
        trust: () => [
          {
            chainId: 1,
            name: 'one',
            required: 2,
            agreed: 2n ** 60n,
            waiting: null,
            halts: [{ chainId: 1, cause: 'disagreement', reason: 'they lie', since: 7 }],
            setAside: [{ provider: 1, reason: 'its logs are disproved', since: 8 }],
            providers: [
              { ...provider, provider: 0, host: 'a.example' },
              { ...provider, provider: 1, host: 'b.example' },
            ],
          },
        ],
      },
    )
    const { trust } = (await (await fetch(`${url}/v1/node`)).json()) as { trust: unknown[] }
    expect(trust).toMatchObject([
      {
        agreed: (2n ** 60n).toString(),
        halts: [{ cause: 'disagreement', reason: 'they lie', since: 7 }],
        providers: [
          { state: 'well', limitPerSecond: 25 },
          { state: 'set-aside', reason: 'its logs are disproved' },
        ],
      },
    ])
  })

  it('says that a duty is unknown rather than without offences, and names those that there are', async () => {
    const duties = () => [{ dutyId: 'oracle/price' } as DutyStatus]
    const { url } = await serve(() => {}, {}, { duties })
    const ask = async (duty: string) => (await fetch(`${url}/v1/quorum/evidence?duty=${duty}`)).json()
    expect(await ask('oracle/price')).toMatchObject({ data: [] })
    expect(await ask('price')).toMatchObject({
      status: 404,
      code: 'QUORUM_UNKNOWN_DUTY',
      detail: expect.stringContaining('oracle/price'),
    })
  })

  it.each([
    ['/v1/quorum/evidence?dutyId=oracle/a', 'dutyId', /duty, configDigest, oracle, offence, limit, cursor/],
    ['/v1/node?verbose=1', 'verbose', /no query parameters/],
    ['/ready?full', 'full', /no query parameters/],
  ])('refuses a query parameter that nobody knows: %s', async (path, name, known) => {
    const { url } = await serve()
    const response = await fetch(`${url}${path}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      code: 'HTTP_INVALID_REQUEST',
      errors: [{ path: `query.${name}`, message: expect.stringMatching(known) }],
    })
  })

  it('computes libp2p peer ids', async () => {
    const { publicKeyFromRaw } = await import('@libp2p/crypto/keys')
    const { peerIdFromPublicKey } = await import('@libp2p/peer-id')
    for (const digit of ['0', '7', 'f']) {
      const expected = peerIdFromPublicKey(publicKeyFromRaw(Buffer.from(digit.repeat(64), 'hex'))).toString()
      expect(peerIdOf(key(digit))).toBe(expected)
    }
  })

  it('describes itself in OpenAPI 3.1, plugins included', async () => {
    const { url } = await serve((door) =>
      door.routes({ id: 'shop', roots: ['/v1/shop'] }).add({
        method: 'get',
        path: '/v1/shop/{id}',
        summary: 'Items',
        params: z.object({ id: z.string().meta({ description: 'Which' }) }),
        query: z.object({ limit: z.coerce.number().int().min(1).max(100).default(20) }),
        response: listSchema(z.object({ amount: z.string().meta({ description: 'Base units' }) })),
        handler: async () => ({ data: [], meta: { chains: [] }, nextCursor: null }),
      }),
    )
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
      openapi: string
      info: { version: string }
      paths: Record<string, Record<string, Record<string, unknown>>>
    }
    expect(document.openapi).toBe('3.1.0')
    expect(document.info.version).toBe('1.2.3')
    expect(Object.keys(document.paths).sort()).toEqual([
      '/health',
      '/ready',
      '/v1/alerts',
      '/v1/chains/{id}/evidence',
      '/v1/chains/{id}/evidence/{evidence}',
      '/v1/index',
      '/v1/node',
      '/v1/quorum',
      '/v1/quorum/evidence',
      '/v1/quorum/evidence/{id}',
      '/v1/shop/{id}',
      '/v1/stream',
    ])
    const operation = document.paths['/v1/shop/{id}']?.get
    expect(operation?.tags).toEqual(['shop'])
    expect(operation?.parameters).toMatchObject([
      { name: 'id', in: 'path', required: true, description: 'Which' },
      { name: 'limit', in: 'query', required: false, schema: { type: 'integer', minimum: 1, maximum: 100 } },
    ])
    expect(JSON.stringify(operation?.responses)).toContain('Base units')
    expect(JSON.stringify(operation?.responses)).toContain('application/problem+json')
  })

  it('refuses to listen with a schema that has no JSON form', async () => {
    const start = serve((door) =>
      door.routes({ id: 'p', roots: ['/v1/p'] }).add({
        method: 'get',
        path: '/v1/p',
        summary: '',
        response: z.custom<Date>(() => true),
        handler: async () => new Date(0),
      }),
    )
    await expect(start).rejects.toMatchObject({ code: 'GATEWAY_BAD_ROUTE' })
  })

  it('serves documentation that needs nothing from outside', async () => {
    const { url } = await serve()
    const response = await fetch(`${url}/docs`)
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self'")
    const page = await response.text()
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//)
    const parts = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path)
    expect(parts.length).toBeGreaterThanOrEqual(3)
    for (const path of parts) expect((await fetch(url + path)).status, path).toBe(200)
    expect(await (await fetch(`${url}/docs/start.js`)).text()).toContain('/openapi.json')
  })
})
