import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { z } from 'zod'
import { type Logger, type LogLevel, logLevels } from '../../ports/log.ts'
import { isLoopback } from '../../ports/loopback.ts'
import { GatewayError } from './gateway-error.ts'
import { type HttpServer, httpServer } from './http-server.ts'
import type { NodeView } from './node-view.ts'
import { problem, problemBody, toProblem } from './problem.ts'
import { readReadiness } from './readiness.ts'

const levelSchema = z.strictObject({ level: z.enum(logLevels) })
const maxBodyBytes = 1024

/**
 * The operator's door: `GET /metrics` (Prometheus), `GET /health` (readiness with every check, always 200),
 * `PUT /log-level` with `{ "level": "debug" }`. Only on loopback (`GATEWAY_NOT_LOOPBACK`), and only for requests that
 * name loopback in `Host`, so that a web page can't reach it by rebinding a name. `allowRemote`, for operators whose
 * firewall protects the port, lifts both and leaves the doors that only read.
 */
export function adminServer(
  options: { host: string; port: number; allowRemote?: boolean },
  modules: {
    log: Logger
    metrics: { expose(): Promise<{ contentType: string; body: string }> }
    setLogLevel: (level: LogLevel) => void
    node: Pick<NodeView, 'identity' | 'readiness'>
  },
): HttpServer {
  const { allowRemote = false } = options
  if (!allowRemote && !isLoopback(options.host))
    throw new GatewayError(
      'GATEWAY_NOT_LOOPBACK',
      `The admin server can not listen on ${options.host}: it has no login. Use 127.0.0.1, or set admin.allowRemote where a firewall protects the port.`,
      { data: { host: options.host, port: options.port } },
    )
  const log = modules.log.child({ module: 'admin' })
  const app = new Hono()
  app.use(async (c, next) => {
    if (!allowRemote && !isLoopback(new URL(c.req.url).hostname))
      throw problem(403, 'HTTP_NOT_LOOPBACK', 'The admin server answers only requests for localhost.')
    await next()
    c.header('cache-control', 'no-store')
    c.header('x-content-type-options', 'nosniff')
  })
  app.get('/metrics', async (c) => {
    const { contentType, body } = await modules.metrics.expose()
    return c.body(body, 200, { 'content-type': contentType })
  })
  app.get('/health', async (c) => {
    const readiness = await readReadiness(modules.node, log)
    return c.json({ status: 'ok', ...modules.node.identity(), ...readiness })
  })
  if (!allowRemote)
    app.put('/log-level', bodyLimit({ maxSize: maxBodyBytes, onError: tooLarge }), async (c) => {
      const parsed = levelSchema.safeParse(parseJson(await c.req.text()))
      if (!parsed.success)
        throw problem(
          400,
          'HTTP_INVALID_REQUEST',
          `Send {"level": "..."} with one of ${logLevels.join(', ')}.`,
        )
      modules.setLogLevel(parsed.data.level)
      log.info({ level: parsed.data.level }, 'Change the log level')
      return c.json(parsed.data)
    })
  app.notFound((c) =>
    problemAnswer(
      problem(
        404,
        'HTTP_NOT_FOUND',
        `Here are GET /metrics and GET /health${allowRemote ? '' : ', and PUT /log-level'}.`,
      ),
      c.req.path,
    ),
  )
  app.onError((error, c) => {
    const known = toProblem(error)
    if (known !== error) log.error({ err: error, path: c.req.path }, 'Fail to answer a request')
    return problemAnswer(known, c.req.path)
  })
  return httpServer(options, { fetch: (request) => app.fetch(request), log })
}

function tooLarge(): never {
  throw problem(413, 'HTTP_BODY_TOO_LARGE', `A request body may have ${maxBodyBytes} bytes.`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function problemAnswer(error: ReturnType<typeof problem>, instance: string): Response {
  return new Response(JSON.stringify(problemBody(error, { instance })), {
    status: error.data.status,
    headers: { 'content-type': 'application/problem+json' },
  })
}
