import { z } from 'zod'
import { type Alert, type AlertStore, alertMeasures, severities } from '../../ports/alerts.ts'
import type { RouteSpec } from '../../ports/http.ts'
import {
  cursorSchema,
  decodeCursor,
  encodeCursor,
  freshnessToMeta,
  limitSchema,
  listSchema,
  unsignedSchema,
} from '../../ports/http-schemas.ts'
import type { Json } from '../../ports/json.ts'
import type { NodeView } from './node-view.ts'

const alertSchema = z.object({
  id: unsignedSchema,
  rule: z.string(),
  series: z.string().meta({
    description: 'Its id; of a model, `model/<id>/<version>/<input or output>/<name>`',
  }),
  chainId: z.int().nullable().meta({ description: 'Null where it is of a model' }),
  severity: z.enum(severities),
  state: z.enum(['firing', 'resolved']),
  startedAt: z
    .int()
    .meta({ description: "Unix seconds of the chain; of the node's clock where it is of a model" }),
  endedAt: z.int().nullable(),
  measure: z.enum(alertMeasures),
  value: z.number().meta({ description: 'What made it fire' }),
  text: z.string(),
})

const querySchema = z.object({
  state: z.enum(['firing', 'resolved']).optional(),
  rule: z.string().max(64).optional(),
  limit: limitSchema,
  cursor: cursorSchema.optional(),
})

/** An id: PostgreSQL's bigint has 19 digits. */
const positionSchema = unsignedSchema.max(18)

/** `GET /v1/alerts`: what the operator's rules found in the series, newest first. */
export function alertsRoute(
  alerts: Pick<AlertStore, 'list'>,
  node: NodeView,
): RouteSpec<unknown, z.output<typeof querySchema>, unknown, unknown> {
  return {
    method: 'get',
    path: '/v1/alerts',
    summary: "Alerts of the operator's rules on series and on the drift of models, newest first",
    query: querySchema,
    response: listSchema(alertSchema),
    handler: async ({ query: { state, rule, limit, cursor } }) => {
      const meta = freshnessToMeta(await node.freshness())
      const found = await alerts.list({
        ...(state === undefined ? {} : { state }),
        ...(rule === undefined ? {} : { rule }),
        ...(cursor === undefined ? {} : { before: BigInt(decodeCursor(positionSchema, cursor)) }),
        limit,
      })
      const last = found.length < limit ? undefined : found.at(-1)
      return {
        data: found.map(alertJson),
        meta,
        nextCursor: last === undefined ? null : encodeCursor(last.id.toString()),
      }
    },
  }
}

/** As the API and the stream say it. */
export function alertJson(alert: Alert): Exclude<Json, null> {
  return { ...alert, id: alert.id.toString() }
}
