import { getTableConfig } from 'drizzle-orm/pg-core'
import { describe, expect, expectTypeOf, it } from 'vitest'
import * as schema from '../../indexer/ponder.schema.ts'
import { indexTables, keyColumns, type Row } from '../../node/ports/index-tables.ts'

// What Drizzle calls the columns that hold each kind.
const columnTypes = {
  int: ['PgInteger', 'PgBigInt53'],
  bigint: ['PgEvmBigint'],
  text: ['PgText'],
  hex: ['PgHex'],
  bool: ['PgBoolean'],
  json: ['PgJson'],
}
const columnsKey = Symbol.for('drizzle:Columns')

interface Column {
  readonly name: string
  readonly primary: boolean
  readonly columnType: string
  readonly notNull: boolean
}

function columnsOf(table: object): Record<string, Column> {
  return Reflect.get(table, columnsKey) as Record<string, Column>
}

const { watermark, ...tables } = schema

describe("the indexer's schema", () => {
  it('is the description of the port, table by table and column by column', () => {
    expect(Object.keys(tables).sort()).toEqual(Object.keys(indexTables).sort())
    for (const [name, columns] of Object.entries(indexTables)) {
      const actual = columnsOf(tables[name as keyof typeof tables])
      expect(Object.keys(actual).sort(), name).toEqual(Object.keys(columns).sort())
      for (const [column, kind] of Object.entries(columns)) {
        expect(columnTypes[kind], `${name}.${column}`).toContain(actual[column]?.columnType)
        expect(actual[column]?.notNull, `${name}.${column}`).toBe(true)
      }
    }
  })

  it('has the primary keys of the port', () => {
    const keys: Readonly<Record<string, readonly string[]>> = keyColumns
    for (const [name, table] of Object.entries(tables)) {
      const single = Object.entries(columnsOf(table)).filter(([, column]) => column.primary)
      const { primaryKeys } = getTableConfig(table as never)
      const names = new Map(Object.entries(columnsOf(table)).map(([column, { name }]) => [name, column]))
      const several = primaryKeys.flatMap(({ columns }) => columns.map((column) => names.get(column.name)))
      expect([...single.map(([column]) => column), ...several], name).toEqual(keys[name] ?? ['id'])
    }
  })

  it('takes exactly the rows of the port', () => {
    expectTypeOf<typeof schema.event.$inferInsert>().toExtend<{ [C in keyof Row<'event'>]: unknown }>()
    expectTypeOf<Row<'event'>>().toExtend<typeof schema.event.$inferInsert>()
    expectTypeOf<Row<'pool'>>().toExtend<typeof schema.pool.$inferInsert>()
    expectTypeOf<Row<'poolSync'>>().toExtend<typeof schema.poolSync.$inferInsert>()
    expectTypeOf<Row<'poolSwap'>>().toExtend<typeof schema.poolSwap.$inferInsert>()
    expectTypeOf<Row<'poolBar'>>().toExtend<typeof schema.poolBar.$inferInsert>()
    expectTypeOf<Row<'feedRound'>>().toExtend<typeof schema.feedRound.$inferInsert>()
    expectTypeOf<Row<'feedVectorRound'>>().toExtend<typeof schema.feedVectorRound.$inferInsert>()
    expectTypeOf<Row<'inferenceRequest'>>().toExtend<typeof schema.inferenceRequest.$inferInsert>()
    expectTypeOf<Row<'inferenceAnswer'>>().toExtend<typeof schema.inferenceAnswer.$inferInsert>()
    expectTypeOf<Row<'inferenceDispute'>>().toExtend<typeof schema.inferenceDispute.$inferInsert>()
    expectTypeOf<Row<'model'>>().toExtend<typeof schema.model.$inferInsert>()
    expectTypeOf<Row<'modelVersion'>>().toExtend<typeof schema.modelVersion.$inferInsert>()
    expectTypeOf<Row<'block'>>().toExtend<typeof schema.block.$inferInsert>()
    expectTypeOf<Row<'validatorConfig'>>().toExtend<typeof schema.validatorConfig.$inferInsert>()
  })

  it('has the watermark last, by place and by name', () => {
    expect(Object.keys(schema).sort().at(-1)).toBe('watermark')
    expect(Object.keys(columnsOf(watermark))).toEqual(['chainId', 'blockNumber', 'blockHash', 'timestamp'])
  })
})
