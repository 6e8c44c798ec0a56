import { createServer, type Server, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import type { Logger } from '../../ports/log.ts'
import { GatewayError } from './gateway-error.ts'
import { problem, problemBody } from './problem.ts'

/** A listening HTTP server around a fetch handler. */
export interface HttpServer {
  /** Opens the port. Rejects with `GATEWAY_PORT_TAKEN` or `GATEWAY_LISTEN_FAILED`. `url` is how this machine reaches it. */
  listen(): Promise<{ url: string }>
  /** Takes no more connections, lets requests in flight end, and cuts what is left when `deadline` aborts. */
  close(deadline: AbortSignal): Promise<void>
}

/** Request line and headers, together. */
const maxHeaderBytes = 16 * 1024

/** Makes the server; `maxConnections` and the timeouts bound what slow or idle clients can hold. */
export function httpServer(
  options: { host: string; port: number },
  modules: { fetch: (request: Request, env: HttpBindings) => Response | Promise<Response>; log: Logger },
): HttpServer {
  const { host, port } = options
  const listener = getRequestListener((request, env) => modules.fetch(request, env as HttpBindings), {
    overrideGlobalObjects: false,
    errorHandler: () =>
      refusal(problem(400, 'HTTP_BAD_REQUEST', 'The request line or the Host header is not valid.')),
  })
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 5_000,
      // Node would refuse a request without Host in words of its own; `listener` does it in ours.
      requireHostHeader: false,
    },
    (incoming, outgoing) => {
      if (closing) outgoing.shouldKeepAlive = false
      // A connection that becomes idle after `close` began must not hold it up.
      outgoing.once('close', () => closing && setImmediate(() => server.closeIdleConnections()))
      void listener(incoming, outgoing)
    },
  )
  server.maxConnections = 4096
  let closing = false
  answerUnparsable(server)

  return {
    listen: async () => {
      const ready = Promise.withResolvers<void>()
      server.once('error', ready.reject)
      server.listen({ host, port, backlog: 511 }, ready.resolve)
      try {
        await ready.promise
      } catch (cause) {
        throw listenError(host, port, cause)
      }
      server.off('error', ready.reject)
      server.on('error', (err) => modules.log.error({ err }, 'HTTP server failed'))
      return { url: urlOf(server.address() as AddressInfo) }
    },
    close: async (deadline) => {
      closing = true
      if (!server.listening) return
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeIdleConnections()
      const cut = () => server.closeAllConnections()
      if (deadline.aborted) cut()
      deadline.addEventListener('abort', cut, { once: true })
      await closed.promise
      deadline.removeEventListener('abort', cut)
    },
  }
}

function refusal(error: ReturnType<typeof problem>): Response {
  return new Response(JSON.stringify(problemBody(error, {})), {
    status: error.data.status,
    headers: { 'content-type': 'application/problem+json' },
  })
}

/** What Node's parser refuses never becomes a request; it is answered here, in the same form as every other error. */
function answerUnparsable(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const [status, code, detail] =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, 'HTTP_HEADERS_TOO_LARGE', `Request line and headers may have ${maxHeaderBytes} bytes.`]
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? [408, 'HTTP_REQUEST_TIMEOUT', 'The request did not arrive in time.']
          : [400, 'HTTP_BAD_REQUEST', 'This is not valid HTTP.']
    const body = JSON.stringify(problemBody(problem(Number(status), String(code), String(detail)), {}))
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[Number(status)]}\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
  })
}

function listenError(host: string, port: number, cause: unknown): GatewayError {
  const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
  return new GatewayError(
    taken ? 'GATEWAY_PORT_TAKEN' : 'GATEWAY_LISTEN_FAILED',
    taken
      ? `Port ${port} of ${host} is taken by another program. Stop it, or configure another port.`
      : `The node can not listen on ${host}:${port} (${(cause as NodeJS.ErrnoException).code}). Check host and port of the configuration.`,
    { data: { host, port }, cause },
  )
}

function urlOf(address: AddressInfo): string {
  const any = address.address === '0.0.0.0' || address.address === '::'
  const host = any ? '127.0.0.1' : address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}`
}
