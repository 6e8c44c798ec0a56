import type { Context } from 'hono'
import type { FieldFault } from './problem.ts'

/** A fault for each query parameter that a route does not know: a filter that is misspelt must not read as no filter. */
export function unknownNames(c: Context, known: readonly string[]): readonly FieldFault[] {
  const takes =
    known.length === 0
      ? 'there are no query parameters here'
      : `the query parameters here are ${known.join(', ')}`
  return Object.keys(c.req.queries())
    .filter((name) => !known.includes(name))
    .slice(0, 20)
    .map((name) => ({ path: `query.${name}`, message: `is unknown; ${takes}` }))
}
