import pg from 'pg'
import type { SqlValue } from '../../ports/store.ts'

const { builtins } = pg.types

const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  [builtins.INT8]: (text) => BigInt(text),
  [builtins.BYTEA]: (text) => Uint8Array.from(Buffer.from(text.slice(2), 'hex')),
  // The server's own text keeps microseconds, survives structured clone and JSON, and needs no time zone of ours.
  [builtins.TIMESTAMPTZ]: (text) => text,
  [builtins.TIMESTAMP]: (text) => text,
  [builtins.DATE]: (text) => text,
}

/**
 * How values come back: `bigint` columns as bigint, `numeric` as an exact decimal string, `bytea` as Uint8Array,
 * dates and timestamps as the server's text, `json` and `jsonb` parsed.
 */
export const typeParsers: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    const own = format === 'binary' ? undefined : parsers[oid]
    return own ?? (format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid))
  },
}

/** How a parameter of the `Store` port travels: objects and arrays are JSON, whatever the driver would make of them. */
export function encodeParameter(value: SqlValue): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  return value
}
