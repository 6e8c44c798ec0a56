import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { EventHub } from './event-hub.ts'
import { type FieldFault, InvalidRequestError } from './problem.ts'
import { unknownNames } from './query-names.ts'

/** `GET /v1/stream`: server-sent events, filtered by `?types=`, resumed by `Last-Event-ID`. */
export function streamRoute(hub: EventHub): (c: Context) => Response {
  return (c) => {
    const types = c.req.query('types')
    const last = c.req.header('last-event-id')
    const faults = [
      ...unknownNames(c, ['types']),
      ...(types === undefined ? [] : typeFaults(types.split(','), hub.types())),
      ...(last !== undefined && !/^\d{1,16}$/.test(last)
        ? [{ path: 'header.last-event-id', message: 'must be the id of an event of this stream' }]
        : []),
    ]
    if (faults.length > 0) throw new InvalidRequestError(faults)
    const headers = {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      // nginx would hold events back otherwise.
      'x-accel-buffering': 'no',
    }
    // Hono answers HEAD with this handler and throws the body away: a stream would stay open for nobody.
    if (c.req.raw.method === 'HEAD') return c.body(null, 200, headers)
    const stream = hub.open({
      types: types === undefined ? null : new Set(types.split(',')),
      lastEventId: last === undefined ? null : Number(last),
      cut: () => (c.env as HttpBindings).outgoing.destroy(),
    })
    return c.body(stream, 200, headers)
  }
}

/** Of a type that nobody sends a client would wait for ever. */
function typeFaults(asked: readonly string[], known: readonly string[]): readonly FieldFault[] {
  if (asked.every((type) => known.includes(type))) return []
  const message = `must be event types joined by commas; this node sends ${known.join(', ')}`
  return [{ path: 'query.types', message }]
}
