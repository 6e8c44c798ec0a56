import { GraphQLError } from 'graphql'
import { IyiError } from '../../ports/errors.ts'
import type { GraphqlError } from '../../ports/graphql.ts'
import type { Logger } from '../../ports/log.ts'
import { GraphqlFault } from './errors.ts'
import { limits } from './limits.ts'

/** Codes of the index whose text is for whoever asked. */
const TOLD = new Set(['INDEX_UNAVAILABLE', 'INDEX_TOO_SLOW', 'INDEX_BAD_QUERY'])

interface Where {
  readonly log: Logger
  readonly requestId: string
}

/** What whoever asked may know of a failure; everything else is in the log. */
export function errorOf(
  error: unknown,
  where: Where,
  code: GraphqlFault['code'] = 'GRAPHQL_BAD_INPUT',
): GraphqlError {
  const cause = error instanceof GraphQLError ? (error.originalError ?? null) : error
  const place = error instanceof GraphQLError ? placeOf(error) : {}
  // GraphQL's own words: of the query, its variables, or the values in it.
  if (cause === null || cause instanceof GraphQLError)
    return { message: (error as GraphQLError).message.slice(0, 1_000), ...place, extensions: { code } }
  if (cause instanceof GraphqlFault || (cause instanceof IyiError && TOLD.has(cause.code))) {
    const { message, code: own } = cause
    return { message, ...place, extensions: { code: own } }
  }
  where.log.error({ err: cause, requestId: where.requestId }, 'Fail to answer a GraphQL request')
  return {
    message:
      "The node failed to answer. Give the request id to the node's operator: the cause is in its log.",
    ...place,
    extensions: { code: 'GRAPHQL_INTERNAL' },
  }
}

/** The first of them: of a hostile query each row could have one. */
export function errorsOf(
  errors: readonly GraphQLError[],
  where: Where,
  code?: GraphqlFault['code'],
): readonly GraphqlError[] {
  return errors.slice(0, limits.errors).map((error) => errorOf(error, where, code))
}

function placeOf({ locations, path }: GraphQLError): Pick<GraphqlError, 'locations' | 'path'> {
  return {
    ...(locations === undefined
      ? {}
      : { locations: locations.map(({ line, column }) => ({ line, column })) }),
    ...(path === undefined ? {} : { path }),
  }
}
