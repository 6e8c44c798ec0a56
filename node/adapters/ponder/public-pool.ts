import pg from 'pg'
import { IndexError } from './errors.ts'

/** Anybody may ask: a question that no index answers must not take long, nor what the validator itself needs. */
const LIMITS = { max: 3, statement_timeout: 3_000, query_timeout: 5_000, connectionTimeoutMillis: 3_000 }

/** No such schema, table or column, or a column of another type: the views still show an earlier build. */
const NOT_YET = new Set(['3F000', '42P01', '42703', '42883', '42804', '22P02'])

/** Connections for questions of the public alone. */
export function publicPool(options: { readonly databaseUrl: string; readonly name: string }): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    application_name: options.name,
    ...LIMITS,
  })
  // A connection that breaks while nobody uses it: the next question says so.
  pool.on('error', () => {})
  return pool
}

/** Why rows of a table could not be read. `indexed`: columns by which they are found quickly. */
export function publicReadError(table: string, indexed: readonly string[], cause: unknown): IndexError {
  const state = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (state === '57014')
    return new IndexError(
      'INDEX_TOO_SLOW',
      `Looking through ${table} takes too long. Ask for fewer rows, or by what has an index: ${indexed.join(', ')}.`,
      { data: { table, indexed }, cause },
    )
  const reason = NOT_YET.has(state)
    ? 'the build of the index with this contract is still being made, or another one is read'
    : 'the database does not answer'
  return new IndexError('INDEX_UNAVAILABLE', `Can't read ${table}: ${reason}. Try again.`, {
    data: { table, reason },
    retry: true,
    cause,
  })
}
