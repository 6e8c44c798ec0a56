import { expect, it } from 'vitest'
import { get, type RoundView, request, rounds } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { PRICE } from '../kit/validator.ts'

interface OpenApi {
  openapi: string
  info: { title: string; version: string }
  paths: Record<
    string,
    Record<
      string,
      { summary?: string; parameters?: { required?: boolean }[]; responses: Record<string, object> }
    >
  >
  components?: { schemas?: Record<string, object> }
}

/** The public API and the operator's. */
export function httpDoors(net: Network): void {
  const api = () => net.description.api[0] ?? ''

  it('describes every route in OpenAPI, with references that resolve', async () => {
    const document = await get<OpenApi>(`${api()}/openapi.json`)
    expect(document.openapi).toMatch(/^3\.1\./)
    for (const path of [
      '/health',
      '/ready',
      '/v1/node',
      '/v1/stream',
      '/v1/feeds',
      '/v1/feeds/{id}',
      '/v1/feeds/{id}/rounds',
      '/v1/feeds/{id}/rounds/{round}',
      '/v1/models',
    ])
      expect(document.paths[path]?.get?.summary, path).toBeTruthy()
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
    for (const { responses } of operations) expect(Object.keys(responses)).toContain('200')
    for (const [, name] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
      expect(document.components?.schemas).toHaveProperty(String(name))
    // What it promises without a parameter is what the node answers.
    for (const path of Object.keys(document.paths).filter(
      (path) =>
        !path.includes('{') &&
        document.paths[path]?.get !== undefined &&
        path !== '/v1/stream' &&
        !document.paths[path]?.get?.parameters?.some(({ required }) => required),
    ))
      expect((await request(`${api()}${path}`)).status, path).toBe(200)
  })

  it('serves its documentation from its own files alone', async () => {
    const page = await request(`${api()}/docs`)
    expect(page.status).toBe(200)
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => String(path))
    expect(assets.length).toBeGreaterThan(1)
    for (const path of assets) {
      expect(path).toMatch(/^\//)
      const asset = await request(`${api()}${path}`)
      expect(asset.status, path).toBe(200)
      expect(asset.headers.get('content-type'), path).toMatch(/^text\/(css|javascript)/)
      expect(asset.text.length, path).toBeGreaterThan(20)
    }
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  it('has metrics on the admin port, and only there', async () => {
    for (const admin of net.description.admin) {
      const { status, headers, text } = await request(`${admin}/metrics`)
      expect(status).toBe(200)
      expect(headers.get('content-type')).toMatch(/^text\/plain/)
      for (const name of ['iyi_quorum_sequence_number', 'iyi_chain_head_block', 'iyi_index_lag_blocks'])
        expect(text).toMatch(new RegExp(`^${name}\\{[^}]*\\} \\d`, 'm'))
    }
    expect((await request(`${api()}/metrics`)).status).toBe(404)
  })

  it.each([
    ['/v1/nothing', 404, 'HTTP_NOT_FOUND'],
    ['/v1/feeds/no-such-feed', 404, 'ORACLE_UNKNOWN_FEED'],
    [`/v1/feeds/${PRICE}/rounds/999999`, 404, 'ORACLE_UNKNOWN_ROUND'],
    [`/v1/feeds/${PRICE}/rounds?cursor=AAAA`, 400, 'HTTP_BAD_CURSOR'],
    [`/v1/feeds/${PRICE}/rounds?cursor=@@@`, 400, 'HTTP_INVALID_REQUEST'],
    [`/v1/feeds/${PRICE}/rounds?limit=0`, 400, 'HTTP_INVALID_REQUEST'],
    [`/v1/feeds/${PRICE}/rounds?limit=many`, 400, 'HTTP_INVALID_REQUEST'],
  ])('answers %s with a problem that says %i %s', async (path, status, code) => {
    const answer = await request(`${api()}${path}`)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(JSON.parse(answer.text)).toMatchObject({
      status,
      code,
      title: expect.any(String),
      detail: expect.any(String),
    })
  })

  it('lets pages of any origin read', async () => {
    const answer = await request(`${api()}/v1/feeds`, { headers: { origin: 'https://app.example' } })
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    const preflight = await request(`${api()}/v1/feeds`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'GET' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
  })

  it('pages over all rounds, each once, while new ones come', async () => {
    const numbers: bigint[] = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page: { data: RoundView[]; nextCursor: string | null } = await get(
        `${api()}/v1/feeds/${PRICE}/rounds?limit=2${query}`,
      )
      expect(page.data.length).toBeLessThanOrEqual(2)
      numbers.push(...page.data.map((entry) => BigInt(entry.round)))
      cursor = page.nextCursor
    } while (cursor !== null)
    const [newest = 0n] = numbers
    expect(numbers).toEqual(Array.from({ length: Number(newest) }, (_, at) => newest - BigInt(at)))
    expect((await rounds(api(), PRICE, 1))[0]).toBeDefined()
  })
}
