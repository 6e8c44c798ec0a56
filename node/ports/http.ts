import type { ZodObject, ZodType } from 'zod'
import { IyiError } from './errors.ts'
import type { Json } from './json.ts'

/** A failed request as RFC 9457 wants it said; the gateway turns it into `application/problem+json`. */
export class ProblemError extends IyiError<string, { status: number; title: string }> {
  constructor(problem: { status: number; code: string; title: string; detail: string }) {
    super(problem.code, problem.detail, { data: { status: problem.status, title: problem.title } })
  }
}

export interface RouteRequest<P, Q, B> {
  readonly params: P
  readonly query: Q
  readonly body: B
  /** What was sent, where the route takes bytes; else empty. */
  readonly bytes: Uint8Array
  /** Address of who asks, or of the last proxy before this node; empty where there is none. */
  readonly client: string
}

/** One operation: schemas are the only source of validation, types and OpenAPI. Response schemas carry `.meta({ description })` where useful. */
export interface RouteSpec<P = unknown, Q = unknown, B = unknown, R = unknown> {
  readonly method: 'get' | 'post'
  /** Absolute, OpenAPI style: `/v1/feeds/{id}`; must lie under one of the plugin's declared roots. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  readonly params?: ZodObject & ZodType<P>
  readonly query?: ZodObject & ZodType<Q>
  readonly body?: ZodType<B>
  /** In place of `body`: takes bytes as they come, `application/octet-stream`, of at most this size. */
  readonly bytes?: { readonly maxBytes: number; readonly description: string }
  readonly response: ZodType<R>
  readonly handler: (request: RouteRequest<P, Q, B>) => Promise<R>
}

/** A kind of event on `GET /v1/stream`. */
export interface EventType {
  /** Dotted lower-case names, e.g. `feed.round`. */
  readonly type: string
  /** When it comes and what its data are, for the description of the API. */
  readonly summary: string
}

/** HTTP for plugins. Routes are added in `setup`; ingress opens after every plugin started. */
export interface Routes {
  add<P, Q, B, R>(route: RouteSpec<P, Q, B, R>): void
  /** Announces a type of events, in `setup`: only such can be sent, and only for such may a client ask. */
  event(event: EventType): void
  /** Sends an event of an announced type to every subscriber of `GET /v1/stream`. */
  publish(event: { readonly type: string; readonly data: Json }): void
}
