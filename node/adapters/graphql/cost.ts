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
import { answersOf, fieldsUnder, rootFields } from './structure.ts'

/**
 * Refuses an operation whose lists ask for too many rows together, or too many values of them. Throws
 * `GRAPHQL_TOO_COMPLEX`, `GRAPHQL_BAD_INPUT`.
 */
export function checkCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): void {
  const { definitions } = document
  const fields = schema.getQueryType()?.getFields() ?? {}
  let rows = 0
  let values = 0
  for (const node of rootFields(definitions, operation.selectionSet)) {
    const field = fields[node.name.value]
    if (field === undefined || !isObjectType(field.type)) continue
    const isList = field.args.some(({ name }) => name === 'limit')
    const most = isList ? limitOf(getArgumentValues(field, node, variables)) : 1
    // An alias of `items` writes the rows once more.
    const under = fieldsUnder(definitions, [node])
    const each = isList
      ? under.map((inner) => answersOf(fieldsUnder(definitions, [inner])))
      : [answersOf(under)]
    rows += most
    values += most * each.reduce((sum, count) => sum + count, 0)
  }
  atMost('rows', rows, limits.rows)
  atMost('values', values, limits.values)
}

function atMost(what: string, count: number, most: number): void {
  if (count > most)
    throw new GraphqlFault(
      'GRAPHQL_TOO_COMPLEX',
      `The query asks for ${count} ${what}; at most ${most} are read at once. Give smaller limits, or ask for fewer fields, or page by page.`,
    )
}
