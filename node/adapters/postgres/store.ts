import type { SqlRow, Statement, Store } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { DatabaseError, StoreError } from './errors.ts'
import { encodeParameter } from './sql-types.ts'

/**
 * A plugin's store in the schema `<node schema>_<plugin id>` (dashes become `_`). A statement's unqualified names
 * resolve there and nowhere else.
 *
 * @param options.plugin id of the plugin: lower-case letters, digits, dashes
 */
export function pluginStore({ plugin }: { plugin: string }, { database }: { database: Database }): Store {
  const schema = `${database.schema}_${plugin.replaceAll('-', '_')}`
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new StoreError(
      'STORE_BAD_STATEMENT',
      `"${schema}" is no usable schema name. Use a shorter node schema, and plugin ids of lower-case letters, digits and dashes.`,
      { data: { schema } },
    )
  }
  let ready: Promise<unknown> | null = null
  // The schema exists before the first statement, also for a plugin without migrations.
  const opened = async () => {
    ready ??= database.migrate(schema, [])
    await ready.catch((error: unknown) => {
      ready = null
      throw error
    })
  }
  const batch = (statements: readonly Statement[]): Promise<readonly (readonly SqlRow[])[]> =>
    asStoreError(schema, async () => {
      await opened()
      return database.transaction(async (client) => {
        const results: (readonly SqlRow[])[] = []
        for (const { sql, params = [] } of statements) {
          // The extended protocol takes one command a call: a `commit` can't hide behind a semicolon.
          const query = { text: sql, values: params.map(encodeParameter), queryMode: 'extended' }
          results.push((await client.query(query)).rows)
        }
        return results
      }, schema)
    })
  return {
    migrate: (migrations) =>
      asStoreError(schema, async () => {
        await database.migrate(schema, migrations)
      }),
    query: async (statement) => (await batch([statement]))[0] ?? [],
    batch,
  }
}

/** Rejections of the database, in the words of the `Store` port. */
export async function asStoreError<T>(schema: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    const options = { data: { schema, ...error.data }, cause: error }
    if (error.code === 'DATABASE_MIGRATION_CHANGED') {
      throw new StoreError('STORE_MIGRATION_CHANGED', error.message, options)
    }
    if (error.code === 'DATABASE_BAD_STATEMENT') {
      throw new StoreError('STORE_BAD_STATEMENT', error.message, options)
    }
    throw new StoreError('STORE_UNAVAILABLE', error.message, { ...options, retry: error.retry })
  }
}
