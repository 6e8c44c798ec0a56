import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Gateway } from '../../../node/adapters/hono/gateway.ts'
import { IyiError } from '../../../node/ports/errors.ts'
import { ProblemError } from '../../../node/ports/http.ts'
import { limitSchema } from '../../../node/ports/http-schemas.ts'
import { serve, until } from './fixture.ts'

const item = z.object({ id: z.string(), amount: z.string().meta({ description: 'Base units' }) })

function shop(door: Gateway): void {
  const routes = door.routes({ id: 'shop', roots: ['/v1/shop'] })
  routes.add({
    method: 'get',
    path: '/v1/shop/items/{id}',
    summary: 'One item',
    params: z.object({ id: z.string().max(40) }),
    query: z.object({ limit: limitSchema }),
    response: item.extend({ limit: z.int() }),
    handler: async ({ params, query }) => ({ id: params.id, amount: '5', limit: query.limit, hidden: 'x' }),
  })
  routes.add({
    method: 'post',
    path: '/v1/shop/items',
    summary: 'Add',
    body: z.object({ id: z.string(), tags: z.array(z.int()) }),
    response: z.object({ count: z.bigint() }).loose(),
    handler: async ({ body }) => ({ count: 2n ** 100n, id: body.id }),
  })
  const failing = (name: string, handler: () => Promise<unknown>) =>
    routes.add({
      method: 'get',
      path: `/v1/shop/${name}`,
      summary: name,
      response: z.object({ a: z.number() }),
      handler: handler as () => Promise<{ a: number }>,
    })
  failing('boom', async () => {
    throw new Error('secret detail postgres://u:p@h')
  })
  failing('wrong', async () => ({ a: 'text' }))
  failing('unsafe', async () => ({ a: 2 ** 60 }))
  failing('busy', async () => {
    throw new IyiError('INDEX_UNAVAILABLE', 'internal words', { data: {}, retry: true })
  })
  failing('teapot', async () => {
    throw new ProblemError({ status: 418, code: 'SHOP_TEAPOT', title: 'Teapot', detail: 'Short and stout.' })
  })
  failing('slow', () => new Promise(() => {}))
}

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const body = (await response.json()) as Record<string, unknown>
  expect(body.status).toBe(response.status)
  expect(typeof body.type).toBe('string')
  expect(body.requestId).toBe(response.headers.get('x-request-id'))
  return body
}

describe('plugin routes', () => {
  it('validates and answers params, query and defaults, dropping undeclared fields', async () => {
    const { url } = await serve(shop)
    const response = await fetch(`${url}/v1/shop/items/a%2Fb`)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ id: 'a/b', amount: '5', limit: 20 })
  })

  it('serialises bigints as decimal strings', async () => {
    const { url } = await serve(shop)
    const response = await post(`${url}/v1/shop/items`, { id: 'x', tags: [1] })
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.json()).toEqual({ count: (2n ** 100n).toString(), id: 'x' })
  })

  it('takes no text with a NUL in it, which PostgreSQL could not store or look for', async () => {
    const { url } = await serve(shop)
    const requests = [
      fetch(`${url}/v1/shop/items/a%00b`),
      fetch(`${url}/v1/shop/items/a?limit=%00`),
      post(`${url}/v1/shop/items`, { id: 'x\0', tags: [] }),
      post(`${url}/v1/shop/items`, { id: 'x', tags: [1, 'x\0'] }),
      post(`${url}/v1/shop/items`, '\0'),
    ]
    const bodies = await Promise.all(requests.map(async (each) => problemOf(await each)))
    expect(bodies.map(({ status, errors }) => ({ status, errors }))).toEqual(
      ['params.id', 'query.limit', 'body.id', 'body.tags.1', 'body'].map((path) => ({
        status: 400,
        errors: [{ path, message: 'holds a NUL character (U+0000); leave it out' }],
      })),
    )
  })

  it('reports every fault of a request at once', async () => {
    const { url } = await serve(shop)
    const body = await problemOf(await fetch(`${url}/v1/shop/items/${'x'.repeat(41)}?limit=1000`))
    expect(body).toMatchObject({ code: 'HTTP_INVALID_REQUEST', status: 400 })
    expect((body.errors as { path: string }[]).map((e) => e.path).sort()).toEqual([
      'params.id',
      'query.limit',
    ])
    const nested = await problemOf(await post(`${url}/v1/shop/items`, { id: 1, tags: [1, 'x'] }))
    expect((nested.errors as { path: string }[]).map((e) => e.path)).toEqual(['body.id', 'body.tags.1'])
  })

  it.each([
    ['{"id":', 400, 'HTTP_BAD_JSON', 'application/json'],
    ['', 400, 'HTTP_BAD_JSON', 'application/json'],
    ['{}', 415, 'HTTP_UNSUPPORTED_MEDIA_TYPE', 'text/plain'],
    [JSON.stringify({ id: 'x'.repeat(10_001) }), 413, 'HTTP_BODY_TOO_LARGE', 'application/json'],
  ])('refuses the body %.20s with %i', async (body, status, code, type) => {
    const { url } = await serve(shop)
    const response = await fetch(`${url}/v1/shop/items`, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
    })
    expect(await problemOf(response)).toMatchObject({ status, code })
  })

  it('refuses a huge body that does not say its length, and serves on', async () => {
    const { url } = await serve(shop)
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1
        if (sent > 2000) controller.close()
        else controller.enqueue(new Uint8Array(65_536))
      },
    })
    const response = await fetch(`${url}/v1/shop/items`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
      duplex: 'half',
    } as RequestInit).catch(() => null) // the server may cut the upload before the answer is read
    if (response !== null) expect(response.status).toBe(413)
    expect(sent).toBeLessThan(2000)
    expect((await fetch(`${url}/health`)).status).toBe(200)
  })

  it('tells nothing of internal failures but the request id, and logs them', async () => {
    const { url, logs } = await serve(shop)
    for (const name of ['boom', 'wrong', 'unsafe']) {
      const body = await problemOf(await fetch(`${url}/v1/shop/${name}`))
      expect(body).toMatchObject({ status: 500, code: 'HTTP_INTERNAL', instance: `/v1/shop/${name}` })
      expect(JSON.stringify(body)).not.toContain('secret')
      const line = logs.find((entry) => entry.requestId === body.requestId && entry.level === 'error')
      expect(line).toBeDefined()
      if (name !== 'boom') expect(line?.err).toMatchObject({ code: 'GATEWAY_BAD_RESPONSE' })
    }
  })

  it('passes problems of handlers on, and makes a 503 of what may work later', async () => {
    const { url, logs } = await serve(shop)
    expect(await problemOf(await fetch(`${url}/v1/shop/teapot`))).toMatchObject({
      type: 'urn:iyi:problem:shop-teapot',
      title: 'Teapot',
      code: 'SHOP_TEAPOT',
      detail: 'Short and stout.',
    })
    const busy = await fetch(`${url}/v1/shop/busy`)
    expect(busy.headers.get('retry-after')).toBe('5')
    const body = await problemOf(busy)
    expect(body).toMatchObject({ status: 503, code: 'INDEX_UNAVAILABLE' })
    expect(JSON.stringify(body)).not.toContain('internal words')
    expect(logs.some((entry) => entry.level === 'warn')).toBe(true)
  })

  it('bounds the time of a handler', async () => {
    const { url, time } = await serve(shop, { handlerTimeoutMs: 777 })
    const answer = fetch(`${url}/v1/shop/slow`)
    await until(() => [...time.pending].some((timer) => timer.delayMs === 777))
    time.fire(777)
    expect(await problemOf(await answer)).toMatchObject({ status: 503, code: 'HTTP_TIMEOUT' })
  })

  it('refuses routes that it can not serve', async () => {
    const response = z.object({})
    const handler = async () => ({})
    let late: (() => void) | undefined
    await serve((door) => {
      shop(door)
      const routes = door.routes({ id: 'p', roots: ['/v1/p', '/v1/q'] })
      const add = (method: 'get' | 'post', path: string, params?: z.ZodObject) =>
        codeOf(() =>
          routes.add({ method, path, summary: '', response, handler, ...(params ? { params } : {}) }),
        )
      const id = z.object({ id: z.string() })
      expect(add('get', '/v1/q/ok')).toBeUndefined()
      expect(add('get', '/v1/p/{id}', id)).toBeUndefined()
      expect(add('post', '/v1/p/{id}', id)).toBeUndefined()
      expect(add('get', '/v1/p/{other}', z.object({ other: z.string() }))).toBe('GATEWAY_DUPLICATE_ROUTE')
      expect(add('get', '/v1/q/ok')).toBe('GATEWAY_DUPLICATE_ROUTE')
      expect(add('get', '/v1/shop/x')).toBe('GATEWAY_PATH_OUTSIDE_ROOTS')
      expect(add('get', '/v1/pp')).toBe('GATEWAY_PATH_OUTSIDE_ROOTS')
      expect(add('get', '/v1/p/x/')).toBe('GATEWAY_BAD_ROUTE')
      expect(add('get', '/v1/p/*')).toBe('GATEWAY_BAD_ROUTE')
      expect(add('get', '/v1/p/:id')).toBe('GATEWAY_BAD_ROUTE')
      expect(add('get', '/v1/p/x/{id}')).toBe('GATEWAY_BAD_ROUTE')
      expect(codeOf(() => door.routes({ id: 'z', roots: ['/v1/p/sub'] }))).toBe('GATEWAY_BAD_ROOT')
      expect(codeOf(() => door.routes({ id: 'z', roots: ['/v1'] }))).toBe('GATEWAY_BAD_ROOT')
      expect(codeOf(() => door.routes({ id: 'z', roots: ['/health'] }))).toBe('GATEWAY_BAD_ROOT')
      expect(codeOf(() => door.routes({ id: 'z', roots: ['v1/z/'] }))).toBe('GATEWAY_BAD_ROOT')
      late = () => routes.add({ method: 'get', path: '/v1/p/late', summary: '', response, handler })
    })
    expect(codeOf(() => late?.())).toBe('GATEWAY_ROUTES_CLOSED')
  })

  it('answers 304 to who has the answer already', async () => {
    const { url } = await serve(shop)
    const tag = (await fetch(`${url}/v1/shop/items/a`)).headers.get('etag') ?? ''
    expect(tag).toMatch(/^".{27}"$/)
    const again = await fetch(`${url}/v1/shop/items/a`, { headers: { 'if-none-match': `"x", W/${tag}` } })
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
    expect((await fetch(`${url}/v1/shop/items/b`, { headers: { 'if-none-match': tag } })).status).toBe(200)
  })
})

describe('every request', () => {
  it('knows 404 and 405', async () => {
    const { url } = await serve(shop)
    expect(await problemOf(await fetch(`${url}/v1/nothing`))).toMatchObject({
      status: 404,
      code: 'HTTP_NOT_FOUND',
    })
    const wrong = await fetch(`${url}/v1/shop/items/a`, { method: 'DELETE' })
    expect(wrong.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
    expect(await problemOf(wrong)).toMatchObject({ status: 405, code: 'HTTP_METHOD_NOT_ALLOWED' })
    expect((await fetch(`${url}/health`, { method: 'POST' })).status).toBe(405)
    const head = await fetch(`${url}/v1/shop/items/a`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('carries security headers and echoes only a sane request id', async () => {
    const { url } = await serve(shop)
    const ok = await fetch(`${url}/health`, { headers: { 'x-request-id': 'trace-12345678' } })
    expect(ok.headers.get('x-request-id')).toBe('trace-12345678')
    expect(ok.headers.get('x-content-type-options')).toBe('nosniff')
    expect(ok.headers.get('content-security-policy')).toContain("default-src 'none'")
    const bad = await fetch(`${url}/health`, { headers: { 'x-request-id': '<script>alert(1)</script>' } })
    expect(bad.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('answers CORS preflights, and errors carry the CORS header too', async () => {
    const { url } = await serve(shop, { corsOrigins: ['https://app.example'] })
    const origin = 'https://app.example'
    const preflight = await fetch(`${url}/v1/shop/items`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST')
    const error = await fetch(`${url}/nothing`, { headers: { origin } })
    expect(error.headers.get('access-control-allow-origin')).toBe(origin)
    const other = await fetch(`${url}/health`, { headers: { origin: 'https://evil.example' } })
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('answers OPTIONS by itself when CORS is off', async () => {
    const { url } = await serve(shop, { corsOrigins: [] })
    const response = await fetch(`${url}/v1/shop/items`, {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example' },
    })
    expect(response.status).toBe(204)
    expect(response.headers.get('allow')).toBe('OPTIONS, POST')
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('refuses long URLs, huge headers and what is not HTTP, always as a problem', async () => {
    const { url } = await serve(shop)
    expect(await problemOf(await fetch(`${url}/v1/shop/items/${'a'.repeat(9000)}`))).toMatchObject({
      status: 414,
    })
    for (const [request, status] of [
      ['NOT HTTP\r\n\r\n', 400],
      [`GET /health HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
      ['GET /health HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
      ['GET /health HTTP/1.1\r\nhost: a b/c\r\nconnection: close\r\n\r\n', 400],
    ] as const) {
      const text = await raw(url, request)
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      expect(text).toContain('application/problem+json')
      expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status })
    }
  })

  it('counts by route template and logs each request at debug', async () => {
    const { url, metrics, logs } = await serve(shop)
    await fetch(`${url}/v1/shop/items/a`)
    await fetch(`${url}/v1/shop/items/b`)
    await fetch(`${url}/${'random'}`)
    const { body } = await metrics.expose()
    expect(body).toContain('iyi_http_requests_total{route="/v1/shop/items/{id}",method="GET",status="200"} 2')
    expect(body).toContain('iyi_http_requests_total{route="unmatched",method="GET",status="404"} 1')
    expect(body).toContain(
      'iyi_http_request_duration_seconds_count{route="/v1/shop/items/{id}",method="GET"} 2',
    )
    expect(logs.filter((entry) => entry.level === 'debug' && entry.path === '/v1/shop/items/a')).toHaveLength(
      1,
    )
  })

  it('serves 200 requests at once', async () => {
    const { url } = await serve(shop)
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => (await fetch(`${url}/v1/shop/items/n${i}`)).json()),
    )
    expect(answers.map((answer) => (answer as { id: string }).id)).toEqual(
      Array.from({ length: 200 }, (_, i) => `n${i}`),
    )
  })
})

describe('the port', () => {
  it('says which port is taken', async () => {
    const { url } = await serve()
    const port = Number(new URL(url).port)
    await expect(serve(() => {}, { port })).rejects.toMatchObject({
      code: 'GATEWAY_PORT_TAKEN',
      data: { port },
    })
  })

  it('drains requests in flight on close, then takes no more', async () => {
    const release = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const { door, url } = await serve((door) =>
      door.routes({ id: 'p', roots: ['/v1/p'] }).add({
        method: 'get',
        path: '/v1/p/wait',
        summary: 'Wait',
        response: z.object({ done: z.boolean() }),
        handler: async () => {
          entered.resolve()
          await release.promise
          return { done: true }
        },
      }),
    )
    const answer = fetch(`${url}/v1/p/wait`)
    await entered.promise
    const closed = door.close(new AbortController().signal)
    await expect(fetch(`${url}/health`)).rejects.toThrow()
    release.resolve()
    expect(await (await answer).json()).toEqual({ done: true })
    await closed
    await door.close(new AbortController().signal)
  })

  it('cuts what is left at the deadline', async () => {
    const { door, url, time } = await serve(shop, { handlerTimeoutMs: 9999 })
    const answer = fetch(`${url}/v1/shop/slow`)
    await until(() => [...time.pending].some((timer) => timer.delayMs === 9999))
    const deadline = new AbortController()
    const closed = door.close(deadline.signal)
    deadline.abort()
    await expect(answer).rejects.toThrow()
    await closed
  })
})

function post(url: string, body: unknown): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json; charset=utf-8' },
  })
}

function codeOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return undefined
}

async function raw(url: string, request: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString()
  })
  socket.on('error', () => {})
  socket.write(request)
  await once(socket, 'close')
  return text
}
