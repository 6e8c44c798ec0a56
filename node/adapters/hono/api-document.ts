import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import { z } from 'zod'
import type { EventType } from '../../ports/http.ts'
import { GatewayError } from './gateway-error.ts'
import type { AnyRoute } from './operation.ts'
import { problemSchema } from './problem.ts'

const problemContent = { 'application/problem+json': { schema: problemSchema } }

/** Collects the description of the API while routes are added; `render` gives it as OpenAPI 3.1. */
export class ApiDocument {
  readonly #registry = new OpenAPIHono()
  readonly #version: string
  readonly #events: EventType[] = []
  #streamAdded = false

  constructor(options: { version: string }) {
    this.#version = options.version
  }

  /** Describes a route with JSON answers. `unready`: it also answers with 503 and the same schema. */
  add(tag: string, route: Omit<AnyRoute, 'handler'>, unready = false): void {
    const content = { 'application/json': { schema: route.response } }
    this.#registry.openAPIRegistry.registerPath({
      method: route.method,
      path: route.path,
      operationId: operationId(route.method, route.path),
      summary: route.summary,
      ...(route.description === undefined ? {} : { description: route.description }),
      tags: [tag],
      request: {
        ...(route.params === undefined ? {} : { params: route.params }),
        ...(route.query === undefined ? {} : { query: route.query }),
        ...(route.body === undefined
          ? {}
          : { body: { required: true, content: { 'application/json': { schema: route.body } } } }),
        ...(route.bytes === undefined ? {} : { body: bytesBody(route.bytes) }),
      },
      responses: {
        200: { description: route.response.description ?? 'Answer', content },
        ...(unready ? { 503: { description: 'Not ready', content } } : {}),
        default: { description: 'Refused or failed', content: problemContent },
      },
    } as RouteConfig)
  }

  /** Adds a type of events to the description of the stream. */
  event(event: EventType): void {
    this.#events.push(event)
  }

  /** The OpenAPI 3.1 document. Throws `GATEWAY_BAD_ROUTE` when a schema has no JSON form. */
  render(): object {
    if (!this.#streamAdded) this.#addStream()
    this.#streamAdded = true
    try {
      return this.#registry.getOpenAPI31Document({
        openapi: '3.1.0',
        info: {
          title: 'IYI Node API',
          version: this.#version,
          description:
            'Amounts, block numbers and sequence numbers are decimal strings. Every error is an RFC 9457 problem with a stable code.',
        },
      })
    } catch (cause) {
      throw new GatewayError(
        'GATEWAY_BAD_ROUTE',
        `A route's schema can not be described in OpenAPI: ${cause instanceof Error ? cause.message : String(cause)}. Use schemas with a JSON form.`,
        { data: {}, cause },
      )
    }
  }

  /** Last, when every type of events is known. */
  #addStream(): void {
    const types = this.#events.map(({ type, summary }) => `- \`${type}\`: ${summary}`)
    this.#registry.openAPIRegistry.registerPath({
      method: 'get',
      path: STREAM,
      operationId: operationId('get', STREAM),
      summary: 'Events as they happen (server-sent events)',
      description: [
        'Ids rise by one. Reconnect with `Last-Event-ID` to get what was missed; a `stream.gap` event first says that some of it is gone. The types:',
        '',
        ...types,
      ].join('\n'),
      tags: ['node'],
      request: {
        query: z.object({
          types: z
            .string()
            .optional()
            .meta({
              description: 'Only these event types, joined by commas',
              example: this.#events.map(({ type }) => type).join(','),
            }),
        }),
        headers: z.object({ 'Last-Event-ID': z.string().optional() }),
      },
      responses: {
        200: { description: 'Events', content: { 'text/event-stream': { schema: z.string() } } },
        default: { description: 'Refused or failed', content: problemContent },
      },
    })
  }
}

function bytesBody({ description, maxBytes }: NonNullable<AnyRoute['bytes']>) {
  const schema = { type: 'string', format: 'binary', maxLength: maxBytes } as const
  return { required: true, description, content: { 'application/octet-stream': { schema } } }
}

const STREAM = '/v1/stream'

function operationId(method: string, path: string): string {
  const words = path.split(/[/{}.-]+/).filter((word) => word !== '' && word !== 'v1')
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}
