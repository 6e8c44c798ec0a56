import { type GraphQLFieldConfig, GraphQLObjectType, GraphQLSchema } from 'graphql'
import type { IndexShape } from '../../ports/index-shapes.ts'
import { metaType } from './meta.ts'
import { listNames } from './names.ts'
import type { RequestScope } from './request-scope.ts'
import { tableFields } from './table-fields.ts'

/** The schema of these tables: there are queries alone. */
export function indexSchema(shapes: readonly IndexShape[]): GraphQLSchema {
  const lists = listNames(shapes)
  const fields: Record<string, GraphQLFieldConfig<unknown, RequestScope>> = {
    _meta: {
      type: metaType,
      description: 'How fresh the answer is.',
      resolve: (_source, _given, scope) => scope.meta(),
    },
  }
  for (const shape of shapes) {
    const { one, list } = tableFields(shape)
    fields[shape.name] = one
    fields[lists.get(shape.name) ?? shape.name] = list
  }
  const query = new GraphQLObjectType({ name: 'Query', description: 'What the node has indexed.', fields })
  return new GraphQLSchema({ query })
}
