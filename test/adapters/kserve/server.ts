import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { InferenceSession as Session } from 'onnxruntime-node'
import { onTestFinished } from 'vitest'
import { InferenceSession } from '../../../node/adapters/onnx/runtime.ts'
import { bytesOf, datatypeOf, feedsOf, type InferHeader, plainOf } from './wire.ts'

/** What a request was, for tests that look. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export interface KserveServer {
  readonly url: string
  readonly seen: readonly Seen[]
  /** Connections that were ever made. */
  connections(): number
  /** Ends the connections that wait for their next request. */
  dropIdle(): void
  stop(): Promise<void>
  /** Answers on the same port again. */
  restart(): Promise<void>
}

export interface ServerOptions {
  /** ONNX files by the name of the model. */
  readonly models?: Readonly<Record<string, Uint8Array>>
  /** Outputs as JSON, like a server without the binary extension of answers. */
  readonly plainAnswers?: boolean
  /** Answers a request itself when it returns true. */
  readonly instead?: (seen: Seen, response: ServerResponse) => boolean
}

/**
 * A server of the KServe v2 protocol over real sessions of the runtime, on loopback; ended with the test. Written after
 * the protocol's text and apart from the adapter, so that the two check each other.
 */
export async function kserveServer(options: ServerOptions = {}): Promise<KserveServer> {
  const sessions = new Map<string, Session>()
  for (const [name, bytes] of Object.entries(options.models ?? {}))
    sessions.set(name, await InferenceSession.create(bytes, { logSeverityLevel: 4 }))
  const seen: Seen[] = []
  let connections = 0

  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const entry = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks),
      }
      seen.push(entry)
      if (options.instead?.(entry, response) === true) return
      await respond(sessions, options.plainAnswers === true, entry, response)
    })().catch((error: unknown) => json(response, 500, { error: String(error) }))
  })
  server.on('connection', () => connections++)
  const port = await listen(server, 0)
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    await new Promise<void>((done) => {
      server.close(() => done())
      server.closeAllConnections()
    })
  }
  onTestFinished(async () => {
    await stop()
    for (const session of sessions.values()) await session.release()
  })
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    connections: () => connections,
    dropIdle: () => server.closeIdleConnections(),
    stop,
    restart: async () => void (await listen(server, port)),
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((done) => {
    server.listen(port, '127.0.0.1', () => done((server.address() as AddressInfo).port))
  })
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function respond(
  sessions: ReadonlyMap<string, Session>,
  plain: boolean,
  { method, path, headers, body }: Seen,
  response: ServerResponse,
): Promise<void> {
  if (path === '/v2/health/ready') return void response.writeHead(200).end()
  const [, name = '', version, verb] =
    /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(\/infer)?$/.exec(path) ?? []
  const session = sessions.get(decodeURIComponent(name))
  if (session === undefined || (version ?? '1') !== '1')
    return json(response, 404, { error: `Request for unknown model: '${name}' is not found` })
  const model = { model_name: decodeURIComponent(name), model_version: '1' }
  if (verb === undefined) {
    const ports = (list: Session['inputMetadata']) =>
      list.flatMap((port) =>
        port.isTensor
          ? [
              {
                name: port.name,
                datatype: datatypeOf(port.type),
                shape: port.shape.map((size) => (typeof size === 'number' ? size : -1)),
              },
            ]
          : [],
      )
    const inputs = ports(session.inputMetadata)
    const outputs = ports(session.outputMetadata)
    return json(response, 200, { name: model.model_name, versions: ['1'], platform: 'onnx', inputs, outputs })
  }
  if (method !== 'POST') return json(response, 405, { error: 'POST alone' })
  const headerLength = Number(headers['inference-header-content-length'] ?? body.length)
  const header = JSON.parse(body.subarray(0, headerLength).toString()) as InferHeader
  let results: Awaited<ReturnType<Session['run']>>
  try {
    results = await session.run(feedsOf(header, body.subarray(headerLength)))
  } catch (error) {
    return json(response, 400, { error: (error as Error).message })
  }
  const binary = header.parameters?.binary_data_output === true && !plain
  const parts: Buffer[] = []
  const outputs = Object.entries(results).map(([output, { type, dims, data }]) => {
    const described = { name: output, datatype: datatypeOf(type), shape: [...dims] }
    if (!binary)
      return { ...described, data: Array.from(data as ArrayLike<unknown>, (value) => plainOf(type, value)) }
    const bytes = bytesOf(type, data)
    parts.push(bytes)
    return { ...described, parameters: { binary_data_size: bytes.length } }
  })
  const head = Buffer.from(JSON.stringify({ ...model, id: header.id, outputs }))
  response.writeHead(200, binary ? { 'inference-header-content-length': String(head.length) } : {})
  response.end(Buffer.concat([head, ...parts]))
}
