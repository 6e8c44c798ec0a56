import { IndexError } from './errors.ts'

/** Ponder takes schema names of at most 45 characters; these need no escaping in SQL. */
const schemaName = /^[a-z_][a-z0-9_]{0,44}$/

/** Returns `name` if it can name a schema. Throws `INDEX_BAD_OPTIONS`. */
export function checkedSchema(name: string): string {
  if (schemaName.test(name)) return name
  throw new IndexError(
    'INDEX_BAD_OPTIONS',
    `"${name}" can't name an index schema. Use 1 to 45 lower-case letters, digits and underscores; no digit first.`,
    { data: { name } },
  )
}

/** camelCase to the snake_case that the indexer's columns and tables have in PostgreSQL. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
