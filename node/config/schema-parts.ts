import { z } from 'zod'

/** TCP port; 0 takes a free one where the key says so. */
export const port = () => z.int().min(0).max(65_535)

/** Where a server listens. */
export const host = () => z.string().regex(/^[A-Za-z0-9.:-]+$/, 'expected a host name or an IP address')

/** Of a schema. */
export const sqlName = () =>
  z
    .string()
    .regex(/^(?!pg_)[a-z_][a-z0-9_]{0,62}$/, 'expected a PostgreSQL name: lower-case letters, digits, _')

/** False when two entries share a value of `key`; entries that are not right yet do not count. */
export function isUnique(list: readonly unknown[], key: string): boolean {
  const values = list
    .map((entry) => (typeof entry === 'object' && entry !== null ? Reflect.get(entry, key) : undefined))
    .filter((value) => value !== undefined)
  return new Set(values).size === values.length
}
