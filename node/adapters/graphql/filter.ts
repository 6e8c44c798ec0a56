import { type GraphQLInputFieldConfig, GraphQLInputObjectType, GraphQLList, GraphQLNonNull } from 'graphql'
import type { PageCondition, Scalar } from '../../ports/index-pages.ts'
import type { IndexShape } from '../../ports/index-shapes.ts'
import type { ColumnKind } from '../../ports/index-tables.ts'
import { GraphqlFault } from './errors.ts'
import { limits } from './limits.ts'
import { fieldNames, free, typeNames } from './names.ts'
import { scalars } from './scalars.ts'

type Op = PageCondition['op']

const suffixes: readonly {
  readonly op: Op
  readonly suffix: string
  readonly says: string
  readonly ordered: boolean
}[] = [
  { op: '!=', suffix: '_not', says: 'another value than this', ordered: false },
  { op: 'in', suffix: '_in', says: 'one of these values', ordered: false },
  { op: '>', suffix: '_gt', says: 'more than this', ordered: true },
  { op: '>=', suffix: '_gte', says: 'this or more', ordered: true },
  { op: '<', suffix: '_lt', says: 'less than this', ordered: true },
  { op: '<=', suffix: '_lte', says: 'this or less', ordered: true },
]

export interface Filter {
  readonly type: GraphQLInputObjectType
  /** The conditions of a coerced `where`. Throws `GRAPHQL_BAD_INPUT`. */
  conditions(where: Readonly<Record<string, unknown>>): readonly PageCondition[]
}

/** What rows of a table may be asked by: each column by its value, numbers by ranges too. */
export function filterOf(shape: IndexShape): Filter {
  const names = fieldNames(shape)
  const asked = shape.columns.filter(({ kind }) => kind !== 'json')
  // A column may be called like another one with a suffix: whole names come first, the other one gets a longer suffix.
  const taken = new Set(names.values())
  const meanings = new Map<string, { readonly column: string; readonly op: Op }>()
  const fields: Record<string, GraphQLInputFieldConfig> = {}
  for (const { name, kind } of asked) {
    const field = names.get(name) ?? name
    meanings.set(field, { column: name, op: '=' })
    fields[field] = { type: scalars[kind], description: `\`${field}\` is this.` }
  }
  for (const { name, kind } of asked)
    for (const { op, suffix, says, ordered } of suffixes) {
      if ((ordered && !isNumber(kind)) || kind === 'bool') continue
      const base = names.get(name) ?? name
      const field = free(`${base}${suffix}`, taken)
      meanings.set(field, { column: name, op })
      const type = op === 'in' ? new GraphQLList(new GraphQLNonNull(scalars[kind])) : scalars[kind]
      fields[field] = { type, description: `\`${base}\` is ${says}.` }
    }
  return {
    type: new GraphQLInputObjectType({
      name: typeNames(shape).filter,
      description: `Which rows of ${shape.name}; all that is given must hold.`,
      fields,
    }),
    conditions: (where) =>
      Object.entries(where).map(([field, value]) => condition(field, value, meanings.get(field))),
  }
}

export function isNumber(kind: ColumnKind): boolean {
  return kind === 'int' || kind === 'bigint'
}

function condition(
  field: string,
  value: unknown,
  meaning: { readonly column: string; readonly op: Op } | undefined,
): PageCondition {
  if (meaning === undefined) throw new GraphqlFault('GRAPHQL_BAD_INPUT', `There is no filter ${field}.`)
  // Null for "any" and null for "none" look the same: what is not meant to narrow the list is left out.
  if (value === null)
    throw new GraphqlFault(
      'GRAPHQL_BAD_INPUT',
      `where.${field} is null. No column is: leave it out, or give a value.`,
    )
  const { column, op } = meaning
  if (op !== 'in') return { column, op, value: value as Scalar }
  const list = value as readonly Scalar[]
  if (list.length > limits.listed)
    throw new GraphqlFault(
      'GRAPHQL_BAD_INPUT',
      `where.${field} has ${list.length} values; give at most ${limits.listed}.`,
    )
  return { column, op, value: list }
}
