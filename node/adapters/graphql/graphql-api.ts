import {
  type DocumentNode,
  execute,
  GraphQLError,
  type GraphQLSchema,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  parse,
  printSchema,
  validate,
} from 'graphql'
import type { Clock } from '../../ports/clock.ts'
import type { GraphqlAnswer, GraphqlApi } from '../../ports/graphql.ts'
import { freshnessToMeta } from '../../ports/http-schemas.ts'
import type { IndexPages } from '../../ports/index-pages.ts'
import type { IndexReader } from '../../ports/index-reader.ts'
import type { Logger } from '../../ports/log.ts'
import { checkCost } from './cost.ts'
import { GraphqlFault } from './errors.ts'
import { limits } from './limits.ts'
import { recentMeta } from './recent-meta.ts'
import { RequestScope } from './request-scope.ts'
import { indexSchema } from './schema.ts'
import { Slots } from './slots.ts'
import { checkStructure, rootFields } from './structure.ts'
import { errorOf, errorsOf } from './told-error.ts'
import { Turns } from './turns.ts'
import { wellFormed } from './well-formed.ts'

/**
 * Answers GraphQL queries from pages of the index. The schema is made once, from the tables that there are. What one request
 * may cost is bounded before it is validated, again before it is executed, and while it runs (`limits.ts`).
 */
export function graphqlApi(modules: {
  readonly pages: IndexPages
  readonly index: Pick<IndexReader, 'freshness'>
  readonly clock: Clock
  readonly log: Logger
}): GraphqlApi {
  const { pages, index, clock } = modules
  const log = modules.log.child({ module: 'graphql' })
  const schema = indexSchema(pages.shapes())
  const text = printSchema(schema)
  const slots = new Slots(limits)
  const turns = new Turns()
  const sources = {
    ...{ pages, turns, now: () => clock.monotonic() },
    meta: recentMeta({ read: async () => freshnessToMeta(await index.freshness()), clock }),
  }

  async function run(request: Checked, requestId: string, endsAt: number): Promise<GraphqlAnswer> {
    await turns.next()
    const asksMeta = rootFields(request.document.definitions, request.operation.selectionSet).some(
      ({ name }) => name.value === '_meta',
    )
    const { data, errors } = await execute({
      schema,
      document: request.document,
      operationName: request.operation.name?.value,
      variableValues: request.variables,
      contextValue: new RequestScope({ asksMeta, endsAt }, sources),
    })
    const told = errors === undefined ? {} : { errors: errorsOf(errors, { log, requestId }) }
    // Without data it was refused before any field of it was looked at.
    return data === undefined
      ? { outcome: 'refused', body: told }
      : { outcome: 'answered', body: { data, ...told } }
  }

  return {
    sdl: () => text,
    async execute(request, requestId) {
      const endsAt = clock.monotonic() + limits.deadlineMs
      try {
        await turns.next()
        const checked = check(schema, wellFormed(request))
        if ('errors' in checked)
          return {
            outcome: 'refused',
            body: { errors: errorsOf(checked.errors, { log, requestId }, checked.code) },
          }
        return await slots.run(() => run(checked, requestId, endsAt))
      } catch (error) {
        return refusal(error, errorOf(error, { log, requestId }))
      }
    },
  }
}

interface Checked {
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  readonly variables: Readonly<Record<string, unknown>>
}

type Refused = { readonly errors: readonly GraphQLError[]; readonly code: GraphqlFault['code'] }

/** Everything that can be refused before a row is read. Throws `GraphqlFault`. */
function check(schema: GraphQLSchema, request: ReturnType<typeof wellFormed>): Checked | Refused {
  const document = parsed(request.query)
  if (document instanceof GraphQLError) {
    const long = /more tha[nt] \d+ tokens/.test(document.message)
    return { errors: [document], code: long ? 'GRAPHQL_TOO_COMPLEX' : 'GRAPHQL_SYNTAX' }
  }
  checkStructure(document)
  const faults = validate(schema, document, undefined, { maxErrors: limits.errors })
  if (faults.length > 0) return { errors: faults, code: 'GRAPHQL_INVALID' }
  const operation = operationOf(document, request.operationName)
  const { coerced, errors } = getVariableValues(
    schema,
    operation.variableDefinitions ?? [],
    request.variables,
    {
      maxErrors: limits.errors,
    },
  )
  if (errors !== undefined) return { errors, code: 'GRAPHQL_BAD_INPUT' }
  checkCost(schema, document, operation, coerced)
  return { document, operation, variables: request.variables }
}

function parsed(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query, { maxTokens: limits.tokens })
  } catch (error) {
    if (error instanceof GraphQLError) return error
    throw error
  }
}

function operationOf(document: DocumentNode, name: string | null): OperationDefinitionNode {
  const all = document.definitions.filter((each) => each.kind === Kind.OPERATION_DEFINITION)
  const named = name === null ? all : all.filter((each) => each.name?.value === name)
  const [operation] = named
  if (operation === undefined || named.length > 1)
    throw new GraphqlFault(
      'GRAPHQL_INVALID',
      name === null
        ? 'There are several operations: give operationName.'
        : 'There is no operation of this name.',
    )
  if (operation.operation !== 'query')
    throw new GraphqlFault('GRAPHQL_INVALID', `There is no ${operation.operation} here: ask with a query.`)
  return operation
}

function refusal(error: unknown, told: ReturnType<typeof errorOf>): GraphqlAnswer {
  const body = { errors: [told] }
  if (!(error instanceof GraphqlFault)) return { outcome: 'busy', body }
  if (error.retry) return { outcome: 'busy', body }
  const malformed = error.code === 'GRAPHQL_BAD_REQUEST' || error.code === 'GRAPHQL_BATCH_REFUSED'
  return { outcome: malformed ? 'malformed' : 'refused', body }
}
