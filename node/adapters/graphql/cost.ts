import {
  type DocumentNode,
  type GraphQLSchema,
  getArgumentValues,
  isObjectType,
  type OperationDefinitionNode,
} from 'graphql'
import { GraphqlFault } from './errors.ts'
import { limits } from './limits.ts'
import { limitOf } from './read-page.ts'
import { rootFields } from './structure.ts'

/** Refuses an operation whose lists ask for too many rows together. Throws `GRAPHQL_TOO_COMPLEX`, `GRAPHQL_BAD_INPUT`. */
export function checkCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): void {
  const fields = schema.getQueryType()?.getFields() ?? {}
  let rows = 0
  for (const node of rootFields(document.definitions, operation.selectionSet)) {
    const field = fields[node.name.value]
    if (field === undefined || !isObjectType(field.type)) continue
    const isList = field.args.some(({ name }) => name === 'limit')
    rows += isList ? limitOf(getArgumentValues(field, node, variables)) : 1
  }
  if (rows > limits.rows)
    throw new GraphqlFault(
      'GRAPHQL_TOO_COMPLEX',
      `The query asks for ${rows} rows; at most ${limits.rows} are read at once. Give smaller limits, or ask page by page.`,
    )
}
