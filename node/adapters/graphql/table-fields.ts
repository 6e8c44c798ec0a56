import {
  GraphQLBoolean,
  GraphQLEnumType,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigArgumentMap,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLString,
} from 'graphql'
import { getAddress } from 'viem'
import type { PageRow, Scalar } from '../../ports/index-pages.ts'
import type { IndexShape, ShapeColumn } from '../../ports/index-shapes.ts'
import { type Filter, filterOf, isNumber } from './filter.ts'
import { limits } from './limits.ts'
import { fieldNames, typeNames } from './names.ts'
import { type Page, type PageArguments, readPage } from './read-page.ts'
import type { RequestScope } from './request-scope.ts'
import { scalars } from './scalars.ts'
import { answersOf, fieldsUnder } from './structure.ts'

type Field = GraphQLFieldConfig<unknown, RequestScope>

/** The two ways to ask for a table: one row by its key, and a list. */
export function tableFields(shape: IndexShape): { readonly one: Field; readonly list: Field } {
  const names = typeNames(shape)
  const fields = fieldNames(shape)
  const row = rowType(shape, fields)
  const filter = filterOf(shape)
  return {
    one: oneField(shape, row, fields),
    list: listField(shape, pageType(names.page, shape, row), filter, fields),
  }
}

function rowType(shape: IndexShape, names: ReadonlyMap<string, string>): GraphQLObjectType {
  return new GraphQLObjectType<PageRow, RequestScope>({
    name: typeNames(shape).row,
    description: shape.text,
    fields: Object.fromEntries(
      shape.columns.map((column) => [
        names.get(column.name) ?? column.name,
        {
          type: new GraphQLNonNull(scalars[column.kind]),
          description: column.text,
          resolve: (source: PageRow, _given: object, scope: RequestScope) =>
            scope.count(shown(column, source)),
        },
      ]),
    ),
  })
}

/** The contract's address with its checksum, as everywhere in the API. */
function shown({ name, isContract }: ShapeColumn, row: PageRow): unknown {
  return isContract ? getAddress(String(row[name])) : row[name]
}

const pageInfoType = new GraphQLObjectType({
  name: 'PageInfo',
  description: 'Where a list goes on.',
  fields: {
    hasNextPage: {
      type: new GraphQLNonNull(GraphQLBoolean),
      description: 'There are rows after the last one.',
    },
    hasPreviousPage: {
      type: new GraphQLNonNull(GraphQLBoolean),
      description: 'There are rows before the first one.',
    },
    startCursor: { type: GraphQLString, description: 'Give it as `before` for the page before.' },
    endCursor: { type: GraphQLString, description: 'Give it as `after` for the next page.' },
  },
})

function pageType(name: string, shape: IndexShape, row: GraphQLObjectType): GraphQLObjectType {
  return new GraphQLObjectType({
    name,
    description: `A page of ${shape.name}.`,
    fields: {
      items: {
        type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(row))),
        description: 'The rows, in order.',
        resolve: ({ items }: Page, _given: object, scope: RequestScope, info: GraphQLResolveInfo) =>
          scope.inTurns(items, answersOf(fieldsOf(info, info.fieldNodes))),
      },
      pageInfo: { type: new GraphQLNonNull(pageInfoType), description: 'Where the list goes on.' },
    },
  })
}

function oneField(shape: IndexShape, row: GraphQLObjectType, names: ReadonlyMap<string, string>): Field {
  const key = shape.columns.filter(({ name }) => shape.key.includes(name))
  const args: GraphQLFieldConfigArgumentMap = Object.fromEntries(
    key.map(({ name, kind, text }) => [
      names.get(name) ?? name,
      { type: new GraphQLNonNull(scalars[kind]), description: text },
    ]),
  )
  return {
    type: row,
    description: `${shape.text} By its key; null when there is none.`,
    args,
    resolve: async (_source, given: Readonly<Record<string, Scalar>>, scope, info) => {
      const { rows } = await scope.page(shape.name, {
        columns: wanted(shape, names, info.fieldNodes, info),
        where: key.map(({ name }) => ({
          column: name,
          op: '=',
          value: given[names.get(name) ?? name] ?? '',
        })),
        ...{ orderBy: shape.order, direction: 'desc', after: null, limit: 1 },
      })
      return rows[0] ?? null
    },
  }
}

const directionType = new GraphQLEnumType({
  name: 'OrderDirection',
  description: 'Which rows come first.',
  values: {
    asc: { description: 'The smallest, or oldest, first.' },
    desc: { description: 'The largest, or newest, first.' },
  },
})

function listField(
  shape: IndexShape,
  page: GraphQLObjectType,
  filter: Filter,
  names: ReadonlyMap<string, string>,
): Field {
  const order = new GraphQLEnumType({
    name: typeNames(shape).order,
    description: `By what a list of ${shape.name} can be in order.`,
    values: Object.fromEntries(
      shape.columns
        .filter(({ kind }) => isNumber(kind))
        .map(({ name, text }) => [names.get(name) ?? name, { value: name, description: text }]),
    ),
  })
  return {
    type: page,
    description: `${shape.text} A list, newest first within each chain.`,
    args: {
      where: { type: filter.type, description: 'Only rows for which all of this holds.' },
      orderBy: { type: order, description: `Another order than that of ${shape.order.join(', ')}.` },
      orderDirection: { type: directionType, defaultValue: 'desc', description: 'Newest first when absent.' },
      limit: {
        type: GraphQLInt,
        defaultValue: limits.defaultPage,
        description: `Most rows of the page, 1 to ${limits.page}.`,
      },
      after: { type: GraphQLString, description: 'Rows after this `endCursor`.' },
      before: {
        type: GraphQLString,
        description: 'Rows before this `startCursor`; not together with `after`.',
      },
    },
    resolve: (_source, given: PageArguments, scope, info) => {
      const items = fieldsOf(info, info.fieldNodes).filter(({ name }) => name.value === 'items')
      const columns = items.length === 0 ? [] : wanted(shape, names, items, info)
      return readPage(shape, filter, { given, columns }, scope)
    },
  }
}

type Info = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments' | 'operation'>

function fieldsOf({ fragments, operation }: Info, nodes: GraphQLResolveInfo['fieldNodes']) {
  return fieldsUnder([operation, ...Object.values(fragments)], nodes)
}

/** The columns that the rows are asked for: large ones are not read for nothing. */
function wanted(
  shape: IndexShape,
  names: ReadonlyMap<string, string>,
  nodes: GraphQLResolveInfo['fieldNodes'],
  info: Info,
): readonly string[] {
  const asked = new Set(fieldsOf(info, nodes).map(({ name }) => name.value))
  const columns = shape.columns.map(({ name }) => name).filter((name) => asked.has(names.get(name) ?? name))
  return columns.length === 0 ? shape.key : columns
}
