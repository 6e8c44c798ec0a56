import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { StoreError } from '../../node/adapters/postgres/errors.ts'
import type { SqlRow, SqlValue, Statement, Store } from '../../node/ports/store.ts'

/**
 * A `Store` over SQLite in memory: quick, for SQL that both dialects understand. Integers come back as numbers, and
 * what is PostgreSQL's own (numeric, jsonb operators, arrays) is not there: use the real adapter for that.
 */
export function memoryStore(): Store {
  const database = new DatabaseSync(':memory:')
  const applied = new Map<string, string>()
  const transaction = <T>(work: () => T): T => {
    database.exec('begin')
    try {
      const result = work()
      database.exec('commit')
      return result
    } catch (error) {
      database.exec('rollback')
      if (error instanceof StoreError) throw error
      throw new StoreError('STORE_BAD_STATEMENT', 'SQLite rejects a statement', { data: {}, cause: error })
    }
  }
  const run = ({ sql, params = [] }: Statement): readonly SqlRow[] => {
    const statement = database.prepare(sql)
    statement.setAllowUnknownNamedParameters(true)
    return statement.all(Object.fromEntries(params.map((value, i) => [`$${i + 1}`, encode(value)])))
  }
  const batch = async (statements: readonly Statement[]) => transaction(() => statements.map(run))
  return {
    migrate: async (migrations) => {
      const added = new Map<string, string>()
      transaction(() => {
        for (const { id, sql } of migrations) {
          const known = applied.get(id) ?? added.get(id)
          if (known === sql) continue
          if (known !== undefined)
            throw new StoreError('STORE_MIGRATION_CHANGED', 'changed', { data: { id } })
          database.exec(sql)
          added.set(id, sql)
        }
      })
      for (const [id, sql] of added) applied.set(id, sql)
    },
    query: async (statement) => (await batch([statement]))[0] ?? [],
    batch,
  }
}

function encode(value: SqlValue): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? value : value.toString()
  if (value instanceof Uint8Array) return value
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  return value
}
