import { randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Clock } from '../../ports/clock.ts'
import type { ProblemError } from '../../ports/http.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { problem, problemBody, toProblem } from './problem.ts'

/** What a request carries through its handlers. */
export type GatewayEnv = { Bindings: HttpBindings; Variables: { requestId: string; route: string } }

const maxUrlLength = 8192
const sanePattern = /^[A-Za-z0-9._-]{8,64}$/
const countedMethods = new Set(['GET', 'POST', 'HEAD', 'OPTIONS'])

/**
 * Everything around the handlers: request id, security headers, CORS, limits, one metric and one log line a request,
 * and every failure as a problem (RFC 9457).
 */
export function requestScope(
  app: Hono<GatewayEnv>,
  options: { corsOrigins: readonly string[]; maxBodyBytes: number },
  modules: { clock: Clock; log: Logger; metrics: Metrics; allowed: (path: string) => string[] },
): void {
  const { clock, log, metrics } = modules
  const requests = metrics.counter({
    name: 'iyi_http_requests_total',
    help: 'Requests answered, by route template',
    labels: ['route', 'method', 'status'],
  })
  const durations = metrics.histogram({
    name: 'iyi_http_request_duration_seconds',
    help: 'Time until the answer began, without event streams',
    labels: ['route', 'method'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  })

  app.use(async (c, next) => {
    const started = clock.monotonic()
    const given = c.req.header('x-request-id')
    c.set('requestId', given !== undefined && sanePattern.test(given) ? given : randomUUID())
    c.set('route', 'unmatched')
    await next()
    secure(c)
    const method = countedMethods.has(c.req.raw.method) ? c.req.raw.method : 'OTHER'
    const route = c.get('route')
    const seconds = (clock.monotonic() - started) / 1000
    requests.inc({ route, method, status: String(c.res.status) })
    if (c.res.headers.get('content-type')?.startsWith('text/event-stream') !== true)
      durations.observe(seconds, { route, method })
    log.debug(
      {
        requestId: c.get('requestId'),
        method,
        path: c.req.path,
        status: c.res.status,
        ms: Math.round(seconds * 1e6) / 1e3,
      },
      'Answer a request',
    )
  })
  if (options.corsOrigins.length > 0)
    app.use(
      cors({
        origin: options.corsOrigins.includes('*') ? '*' : [...options.corsOrigins],
        allowMethods: ['GET', 'HEAD', 'POST'],
        allowHeaders: ['content-type', 'if-none-match', 'last-event-id', 'x-request-id'],
        exposeHeaders: ['etag', 'x-request-id', 'retry-after'],
        maxAge: 600,
      }),
    )
  app.use(async (c, next) => {
    if (c.req.raw.url.length > maxUrlLength)
      throw problem(414, 'HTTP_URL_TOO_LONG', `A URL may have ${maxUrlLength} characters.`)
    await next()
  })
  app.post(
    '*',
    bodyLimit({
      maxSize: options.maxBodyBytes,
      onError: () => {
        throw problem(413, 'HTTP_BODY_TOO_LARGE', `A request body may have ${options.maxBodyBytes} bytes.`)
      },
    }),
  )
  app.notFound((c) => {
    const allow = modules.allowed(c.req.path)
    if (allow.length === 0)
      return answerProblem(
        c,
        problem(
          404,
          'HTTP_NOT_FOUND',
          'There is nothing here. GET /docs shows what is, GET /openapi.json lists it.',
        ),
      )
    c.header('allow', allow.join(', '))
    if (c.req.method === 'OPTIONS') return c.body(null, 204)
    return answerProblem(c, problem(405, 'HTTP_METHOD_NOT_ALLOWED', `This path knows ${allow.join(', ')}.`))
  })
  app.onError((error, c) => {
    const known =
      error instanceof HTTPException ? problem(error.status, 'HTTP_REFUSED', error.message) : toProblem(error)
    if (known !== error && known.data.status >= 500)
      log[known.data.status === 500 ? 'error' : 'warn'](
        { err: error, requestId: c.get('requestId'), method: c.req.method, path: c.req.path },
        'Fail to answer a request',
      )
    return answerProblem(c, known)
  })
}

function answerProblem(c: Context<GatewayEnv>, error: ProblemError): Response {
  const body = problemBody(error, { instance: c.req.path, requestId: c.get('requestId') })
  return c.newResponse(JSON.stringify(body), {
    status: error.data.status as ContentfulStatusCode,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(error.data.status === 503 ? { 'retry-after': '5' } : {}),
    },
  })
}

/** Headers of every answer. A route that serves a page has set its own policy already. */
function secure(c: Context<GatewayEnv>): void {
  c.header('x-request-id', c.get('requestId'))
  c.header('x-content-type-options', 'nosniff')
  c.header('x-frame-options', 'DENY')
  c.header('referrer-policy', 'no-referrer')
  c.header('cross-origin-resource-policy', 'cross-origin')
  if (!c.res.headers.has('content-security-policy'))
    c.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
}
