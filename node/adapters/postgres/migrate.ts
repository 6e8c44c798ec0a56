import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'

export interface Migration {
  readonly id: string
  readonly sql: string
}

/** An applied migration whose text is not the one that was applied. */
export class MigrationChanged extends Error {
  readonly migration: string
  constructor(migration: string) {
    super(migration)
    this.migration = migration
  }
}

/** PostgreSQL identifier in quotes. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * Applies what `schema` has not seen, in order, in the caller's open transaction. Two processes at once: the second
 * waits for the first's commit and then finds nothing left to do.
 *
 * @returns ids applied now
 * @throws MigrationChanged
 */
export async function applyMigrations(
  client: ClientBase,
  schema: string,
  migrations: readonly Migration[],
): Promise<string[]> {
  await client.query(`select pg_advisory_xact_lock(hashtextextended('iyi migrate ' || $1, 0))`, [schema])
  await client.query(`create schema if not exists ${quoteName(schema)}`)
  const table = `${quoteName(schema)}.iyi_migration`
  await client.query(
    `create table if not exists ${table} (
       id text primary key,
       digest text not null,
       applied_at timestamptz not null default now()
     )`,
  )
  const { rows } = await client.query<{ id: string; digest: string }>(`select id, digest from ${table}`)
  const applied = new Map(rows.map((row) => [row.id, row.digest]))
  const done: string[] = []
  for (const { id, sql } of migrations) {
    const digest = createHash('sha256').update(sql).digest('hex')
    const known = applied.get(id)
    if (known === digest) continue
    if (known !== undefined) throw new MigrationChanged(id)
    await client.query(sql)
    await client.query(`insert into ${table} (id, digest) values ($1, $2)`, [id, digest])
    applied.set(id, digest)
    done.push(id)
  }
  return done
}
