import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { AlertStore } from '../../ports/alerts.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CustomIndex } from '../../ports/custom-index.ts'
import type { GraphqlApi } from '../../ports/graphql.ts'
import type { EventType, RouteSpec, Routes } from '../../ports/http.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { SeriesReader } from '../../ports/series.ts'
import type { UndecodedLogs } from '../../ports/undecoded-log.ts'
import { alertsRoute } from './alert-routes.ts'
import { ApiDocument } from './api-document.ts'
import {
  chainEvidenceList,
  chainEvidenceParams,
  chainEvidenceQuery,
  listChainEvidence,
  oneChainEvidence,
  oneChainEvidenceParams,
  showChainEvidence,
} from './chain-route.ts'
import { customRowsRoute, customTablesRoute } from './custom-routes.ts'
import { docsRoutes } from './docs-page.ts'
import { EventHub, type HubLimits, hubLimits, type StreamEvent } from './event-hub.ts'
import { graphqlOperations, graphqlRoutes } from './graphql-route.ts'
import { httpServer } from './http-server.ts'
import { contractErrorsRoute, indexErrorsRoute } from './index-errors-route.ts'
import { jsonText } from './json-text.ts'
import { describeNode, nodeSchema } from './node-route.ts'
import type { NodeView } from './node-view.ts'
import { type AnyRoute, answerJson, operation } from './operation.ts'
import { InvalidRequestError } from './problem.ts'
import { unknownNames } from './query-names.ts'
import {
  describeQuorum,
  listOffences,
  offenceParams,
  offencesQuery,
  offencesSchema,
  oneOffenceSchema,
  quorumSchema,
  showOffence,
} from './quorum-route.ts'
import { readinessSchema, readReadiness } from './readiness.ts'
import { type GatewayEnv, requestScope } from './request-scope.ts'
import { RouteTable } from './route-table.ts'
import { seriesRoutes } from './series-routes.ts'
import { streamRoute } from './stream-route.ts'

export interface GatewayOptions {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** Origins whose pages may call; `*` for all; empty for none. */
  readonly corsOrigins: readonly string[]
  readonly maxBodyBytes: number
  /** Version in the API description. */
  readonly version: string
  /** Longest time that a handler may take; 20 s when absent. */
  readonly handlerTimeoutMs?: number
  /** Bounds of the event stream, in place of the defaults. */
  readonly stream?: Partial<HubLimits>
}

/** The node's public HTTP door. */
export interface Gateway {
  /**
   * Routes for one plugin, under its roots. `add` throws `GatewayError`: `GATEWAY_PATH_OUTSIDE_ROOTS`,
   * `GATEWAY_DUPLICATE_ROUTE`, `GATEWAY_BAD_ROUTE`, `GATEWAY_ROUTES_CLOSED` after `listen`; `event` throws
   * `GATEWAY_BAD_EVENT`. Throws `GATEWAY_BAD_ROOT`.
   */
  routes(plugin: { id: string; roots: readonly string[] }): Routes
  /** The OpenAPI 3.1 description of every route added so far. Throws `GATEWAY_BAD_ROUTE` for a schema without JSON form. */
  document(): object
  /** Opens the port. Rejects with `GATEWAY_PORT_TAKEN`, `GATEWAY_LISTEN_FAILED`, or `GATEWAY_BAD_ROUTE` for a schema without JSON form. */
  listen(): Promise<{ url: string }>
  /** Takes no more, ends the event streams, lets requests in flight end, cuts what is left when `deadline` aborts. */
  close(deadline: AbortSignal): Promise<void>
  /** Sends a `block` or an `alert` event, the types of the node's own, or one that a plugin announced, to the subscribers of `GET /v1/stream`. Throws `GATEWAY_BAD_EVENT`. */
  publish(event: StreamEvent): void
}

type Plain = (c: Context) => Response | Promise<Response>

/** Makes the gateway with the node's own routes; nothing listens before `listen`. */
export function gateway(
  options: GatewayOptions,
  modules: {
    clock: Clock
    log: Logger
    metrics: Metrics
    node: NodeView
    custom: CustomIndex
    alerts: Pick<AlertStore, 'list'>
    graphql?: GraphqlApi
    undecoded?: UndecodedLogs
    /** None where the node makes no series. */
    series?: SeriesReader | null
  },
): Gateway {
  const { clock, metrics, node, custom, alerts, graphql, undecoded, series = null } = modules
  const log = modules.log.child({ module: 'http' })
  const app = new Hono<GatewayEnv>()
  const table = new RouteTable()
  const document = new ApiDocument({ version: options.version })
  const timeoutMs = options.handlerTimeoutMs ?? 20_000
  let description: object = {}
  const hub = new EventHub(
    { ...hubLimits, ...options.stream },
    {
      clock,
      log,
      open: metrics.gauge({ name: 'iyi_http_streams', help: 'Open event streams' }),
      dropped: metrics.counter({
        name: 'iyi_http_streams_dropped_total',
        help: 'Streams cut off because the client read too slowly',
      }),
    },
  )
  requestScope(app, options, { clock, log, metrics, allowed: (path) => table.allowed(path) })

  function mount(owner: string, route: AnyRoute, roots?: readonly string[]): void {
    table.add(owner, route, roots)
    document.add(owner, route)
    const handle = operation(route, { timeoutMs }, { clock })
    app.on(route.method, honoPath(route.path), (c) => {
      c.set('route', route.path)
      return handle(c)
    })
  }

  function mountTyped<P, Q, B, R>(route: RouteSpec<P, Q, B, R>): void {
    // Its own types hold inside it; outside, its schemas check them at runtime.
    mount('node', route as unknown as AnyRoute)
  }

  function mountPlain(path: string, run: Plain, method: 'get' | 'post' = 'get'): void {
    table.add('node', { method, path })
    app.on(method, path, (c) => {
      c.set('route', path)
      return run(c)
    })
  }

  mount('node', {
    method: 'get',
    path: '/health',
    summary: 'Is the process alive',
    response: z.object({ status: z.literal('ok') }),
    handler: async () => ({ status: 'ok' }),
  })
  mountPlain('/ready', async (c) => {
    const faults = unknownNames(c, [])
    if (faults.length > 0) throw new InvalidRequestError(faults)
    const readiness = await readReadiness(node, log)
    return answerJson(c, jsonText(readiness), readiness.ready ? 200 : 503)
  })
  document.add(
    'node',
    {
      method: 'get',
      path: '/ready',
      summary: 'Can the node do its work, check by check',
      response: readinessSchema,
    },
    true,
  )
  mount('node', {
    method: 'get',
    path: '/v1/node',
    summary: 'This node: chains, plugins, peers, duties and the validators it works with',
    response: nodeSchema,
    handler: () => describeNode(node),
  })
  mountTyped({
    method: 'get',
    path: '/v1/chains/{id}/evidence',
    summary: "Contradictions among a chain's providers, and between them and the index, newest first",
    params: chainEvidenceParams,
    query: chainEvidenceQuery,
    response: chainEvidenceList,
    handler: ({ params, query }) => listChainEvidence(node, params, query),
  })
  mountTyped({
    method: 'get',
    path: '/v1/chains/{id}/evidence/{evidence}',
    summary: 'One of them, with the header and the receipts that prove who is wrong',
    params: oneChainEvidenceParams,
    response: oneChainEvidence,
    handler: ({ params }) => showChainEvidence(node, params),
  })
  mount('node', {
    method: 'get',
    path: '/v1/quorum',
    summary:
      'The quorum of every duty: epoch, leader, sequence number; how each validator takes part, and its faults',
    response: quorumSchema,
    handler: () => describeQuorum(node),
  })
  mountTyped({
    method: 'get',
    path: '/v1/quorum/evidence',
    summary: 'Breaches of the protocol in bytes that anybody can check, newest first',
    query: offencesQuery,
    response: offencesSchema,
    handler: ({ query }) => listOffences(node, query),
  })
  mountTyped({
    method: 'get',
    path: '/v1/quorum/evidence/{id}',
    summary: 'One breach of the protocol; `iyi evidence verify` checks it',
    params: offenceParams,
    response: oneOffenceSchema,
    handler: ({ params }) => showOffence(node, params.id),
  })
  mountTyped(customTablesRoute(custom))
  for (const table of custom.tables()) mountTyped(customRowsRoute(table, custom, node))
  mountTyped(alertsRoute(alerts, node))
  if (undecoded !== undefined) {
    mountTyped(indexErrorsRoute(undecoded))
    mountTyped(contractErrorsRoute(undecoded, node))
  }
  if (graphql !== undefined) {
    graphqlRoutes(graphql, (method, path, run) => mountPlain(path, run, method))
    for (const route of graphqlOperations) document.add('node', route)
  }
  if (series !== null) for (const route of seriesRoutes(series, node)) mountTyped(route)
  mountPlain('/v1/stream', streamRoute(hub))
  const declare = (event: EventType) => {
    hub.declare(event.type)
    document.event(event)
  }
  declare({ type: 'block', summary: 'the head of a chain, or the index of it, moved' })
  declare({ type: 'alert', summary: 'a rule on a series fired, or does not hold any more' })
  mountPlain('/openapi.json', (c) => answerJson(c, jsonText(description)))
  docsRoutes({ get: mountPlain })

  const server = httpServer(options, { fetch: (request, env) => app.fetch(request, env), log })
  return {
    routes: (plugin) => {
      table.claim(plugin.id, plugin.roots)
      return {
        // The route's own types hold inside it; outside, its schemas check them at runtime.
        add: <P, Q, B, R>(route: RouteSpec<P, Q, B, R>) =>
          mount(plugin.id, route as unknown as AnyRoute, plugin.roots),
        event: declare,
        publish: (event) => hub.publish(event),
      }
    },
    document: () => document.render(),
    listen: async () => {
      description = document.render()
      table.seal()
      const { url } = await server.listen()
      log.info({ url }, 'Serve the API')
      return { url }
    },
    close: async (deadline) => {
      hub.end()
      await server.close(deadline)
    },
    publish: (event) => hub.publish(event),
  }
}

/** `/v1/feeds/{id}` in Hono's form, `/v1/feeds/:id`. */
function honoPath(template: string): string {
  return template.replaceAll(/\{([^}]+)\}/g, ':$1')
}
