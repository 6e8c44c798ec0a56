import type { Json } from './json.ts'

export type SqlValue = string | number | bigint | boolean | null | Uint8Array | Json
export interface Statement {
  /** `$1`-style parameters; unqualified names resolve in the owner's schema. */
  readonly sql: string
  readonly params?: readonly SqlValue[]
}
export type SqlRow = Readonly<Record<string, unknown>>

/** A plugin's own PostgreSQL schema. Rejects with `StoreError`: `STORE_UNAVAILABLE` (retry), `STORE_BAD_STATEMENT`, `STORE_MIGRATION_CHANGED`. */
export interface Store {
  /** Applies what was not applied yet, in order, in one transaction; an applied migration whose text changed is refused. */
  migrate(migrations: readonly { readonly id: string; readonly sql: string }[]): Promise<void>
  query(statement: Statement): Promise<readonly SqlRow[]>
  /** All or nothing, in one transaction; durable when it resolves. */
  batch(statements: readonly Statement[]): Promise<readonly (readonly SqlRow[])[]>
}
