import pg from 'pg'
import { toDatabaseError } from './connection.ts'
import type { Database } from './database.ts'
import { typeParsers } from './sql-types.ts'

/** Anybody may ask: what is asked must not take long, nor the connections that the validator itself needs. */
const LIMITS = { max: 3, statement_timeout: 3_000, query_timeout: 5_000, connectionTimeoutMillis: 3_000 }

/** Connections to the node's schema for questions of the public alone; rejects with `DatabaseError`. */
export function publicReads({
  url,
  schema,
  applicationName,
}: Pick<Database, 'url' | 'schema' | 'applicationName'>): Pick<Database, 'query' | 'close'> {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: `${applicationName} public`,
    options: `-c search_path=${schema} -c default_transaction_read_only=on`,
    types: typeParsers,
    ...LIMITS,
  })
  // A connection that breaks while nobody uses it, or between two statements: the next question says so.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return {
    close: () => pool.end(),
    query: async (sql, params = []) => {
      try {
        return (await pool.query<Record<string, unknown>>(sql, [...params])).rows
      } catch (error) {
        throw toDatabaseError(error)
      }
    },
  }
}
