import { z } from 'zod'
import type { GraphqlRequest } from '../../ports/graphql.ts'
import { GraphqlFault } from './errors.ts'
import { limits } from './limits.ts'

const requestSchema = z.object({
  query: z.string(),
  operationName: z.string().max(200).nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.record(z.string(), z.unknown()).nullish(),
})

export interface WellFormed {
  readonly query: string
  readonly operationName: string | null
  readonly variables: Readonly<Record<string, unknown>>
}

/** The parameters of a request. Throws `GRAPHQL_BAD_REQUEST`, `GRAPHQL_BATCH_REFUSED`, `GRAPHQL_TOO_COMPLEX`. */
export function wellFormed(request: GraphqlRequest): WellFormed {
  if (Array.isArray(request))
    throw new GraphqlFault(
      'GRAPHQL_BATCH_REFUSED',
      'Send one request at a time: a query may ask for several lists.',
    )
  const parsed = requestSchema.safeParse(request)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0] ?? { path: [], message: 'is no object' }
    throw new GraphqlFault(
      'GRAPHQL_BAD_REQUEST',
      `This is no GraphQL request: ${path.join('.') || 'body'}: ${message}.`,
    )
  }
  const { query, operationName, variables } = parsed.data
  if (query.length > limits.query)
    throw new GraphqlFault(
      'GRAPHQL_TOO_COMPLEX',
      `The query has ${query.length} characters; at most ${limits.query} are read.`,
    )
  const size = sizeOf(variables ?? {})
  if (size > limits.variables)
    throw new GraphqlFault(
      'GRAPHQL_TOO_COMPLEX',
      `The variables have ${size} characters; at most ${limits.variables} are read.`,
    )
  return { query, operationName: operationName ?? null, variables: variables ?? {} }
}

/** In characters of JSON. What is nested too deeply to be written is too large as well. */
function sizeOf(variables: object): number {
  try {
    return JSON.stringify(variables).length
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
