import { createHash } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { ZodError, ZodType } from 'zod'
import type { Clock } from '../../ports/clock.ts'
import type { RouteRequest, RouteSpec } from '../../ports/http.ts'
import { GatewayError } from './gateway-error.ts'
import { jsonText } from './json-text.ts'
import { type FieldFault, InvalidRequestError, problem } from './problem.ts'
import { unknownNames } from './query-names.ts'

/** What a gateway route runs: a RouteSpec whose types were erased at the seam. */
export type AnyRoute = RouteSpec<unknown, unknown, unknown, unknown>

/**
 * Turns a route into a Hono handler: validates params, query and body (all faults at once; an unknown query parameter is one), bounds the handler's time,
 * validates its answer against the schema (undeclared fields are dropped), and answers JSON with an ETag.
 */
export function operation(
  route: AnyRoute,
  options: { timeoutMs: number },
  modules: { clock: Clock },
): (c: Context) => Promise<Response> {
  return async (c) => {
    const request = await readRequest(c, route)
    const answer = await withTimeout(route.handler(request), options.timeoutMs, modules.clock)
    const checked = await route.response.safeParseAsync(answer)
    if (!checked.success) throw mismatch(route, checked.error)
    return answerJson(c, jsonText(checked.data))
  }
}

/** JSON with a strong ETag (RFC 9110, section 8.8.3), 304 when the client has it already. */
export function answerJson(c: Context, text: string, status: 200 | 503 = 200): Response {
  const headers = new Headers({ 'content-type': 'application/json', 'cache-control': 'no-cache' })
  if (c.req.method === 'POST' || status !== 200) {
    headers.set('cache-control', 'no-store')
    return c.newResponse(text, status, Object.fromEntries(headers))
  }
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`
  headers.set('etag', tag)
  const known = c.req.header('if-none-match')?.split(',') ?? []
  const fresh = known.some((entry) => ['*', tag].includes(entry.trim().replace(/^W\//, '')))
  return fresh
    ? c.newResponse(null, 304, Object.fromEntries(headers))
    : c.newResponse(text, status, Object.fromEntries(headers))
}

async function readRequest(c: Context, route: AnyRoute): Promise<RouteRequest<unknown, unknown, unknown>> {
  const faults: FieldFault[] = [...unknownNames(c, Object.keys(route.query?.shape ?? {}))]
  const query = Object.fromEntries(
    Object.entries(c.req.queries()).map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  )
  const parsed = {
    params: await check(route.params, c.req.param(), 'params', faults),
    query: await check(route.query, query, 'query', faults),
    body: route.body === undefined ? undefined : await check(route.body, await readJson(c), 'body', faults),
    bytes: route.bytes === undefined ? NO_BYTES : await readBytes(c, route.bytes.maxBytes),
    client: (c.env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress ?? '',
  }
  if (faults.length > 0) throw new InvalidRequestError(faults)
  return parsed
}

async function check(
  schema: ZodType | undefined,
  value: unknown,
  where: string,
  faults: FieldFault[],
): Promise<unknown> {
  if (schema === undefined) return {}
  const nul = pathOfNul(value)
  if (nul !== null) {
    faults.push({ path: [where, ...nul].join('.'), message: 'holds a NUL character (U+0000); leave it out' })
    return undefined
  }
  const result = await schema.safeParseAsync(value)
  if (result.success) return result.data
  for (const issue of result.error.issues.slice(0, 20))
    faults.push({ path: [where, ...issue.path.map(String)].join('.'), message: issue.message })
  return undefined
}

interface Place {
  readonly key: string
  readonly value: unknown
  readonly parent: Place | null
}

/** Where a text with U+0000 is, which no column of PostgreSQL can hold. A loop: bodies may be nested deeper than the stack. */
function pathOfNul(root: unknown): readonly string[] | null {
  const open: Place[] = [{ key: '', value: root, parent: null }]
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { value } = place
    if (typeof value === 'string' && value.includes('\0')) return pathTo(place)
    if (typeof value !== 'object' || value === null) continue
    for (const [key, each] of Object.entries(value)) open.push({ key, value: each, parent: place })
  }
  return null
}

function pathTo(place: Place): readonly string[] {
  const keys: string[] = []
  for (let each = place; each.parent !== null; each = each.parent) keys.push(each.key)
  return keys.reverse()
}

const NO_BYTES = new Uint8Array(0)

async function readBytes(c: Context, maxBytes: number): Promise<Uint8Array> {
  if (typeOf(c) !== 'application/octet-stream')
    throw problem(415, 'HTTP_UNSUPPORTED_MEDIA_TYPE', 'Send the bytes as application/octet-stream.')
  const bytes = new Uint8Array(await c.req.arrayBuffer())
  if (bytes.length > maxBytes)
    throw problem(413, 'HTTP_BODY_TOO_LARGE', `What is sent here may have ${maxBytes} bytes.`)
  return bytes
}

function typeOf(c: Context): string {
  return c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase() ?? ''
}

async function readJson(c: Context): Promise<unknown> {
  if (!/^application\/(json|[a-z0-9.-]+\+json)$/.test(typeOf(c)))
    throw problem(415, 'HTTP_UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.')
  try {
    return JSON.parse(await c.req.text())
  } catch {
    throw problem(400, 'HTTP_BAD_JSON', 'The body is not valid JSON.')
  }
}

function mismatch(route: AnyRoute, error: ZodError): GatewayError {
  const issue = error.issues[0]
  return new GatewayError(
    'GATEWAY_BAD_RESPONSE',
    `The handler of ${route.method.toUpperCase()} ${route.path} answered something else than its schema says: ${issue?.path.join('.')}: ${issue?.message}. Correct the plugin.`,
    { data: { method: route.method, path: route.path } },
  )
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number, clock: Clock): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = clock.setTimer(timeoutMs, () =>
    late.reject(problem(503, 'HTTP_TIMEOUT', 'The node did not answer in time. Try again in a few seconds.')),
  )
  try {
    return await Promise.race([work, late.promise])
  } finally {
    timer.cancel()
  }
}
