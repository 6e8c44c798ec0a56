import type { Pool } from 'pg'
import type { Clock } from '../../ports/clock.ts'

/** Views move seldom: once for each new build. */
const KNOWN_MS = 2_000

/**
 * Which build of the indexer the views show: the schema that the view `event` reads. Null before there are views.
 * Reads the catalogue alone, and so waits for no lock of Ponder's.
 *
 * @param schema a checked schema name
 */
export function servingBuild(
  schema: string,
  { pool, clock }: { pool: Pool; clock: Clock },
): () => Promise<string | null> {
  let known: { readonly build: string | null; readonly atMs: number } | null = null
  return async () => {
    const now = clock.monotonic()
    if (known !== null && now - known.atMs < KNOWN_MS) return known.build
    const { rows } = await pool.query<{ definition: string }>(
      `select definition from pg_views where schemaname = $1 and viewname = 'event'`,
      [schema],
    )
    const build = /\bfrom\s+"?([a-z_][a-z0-9_]*)"?\./i.exec(rows[0]?.definition ?? '')?.[1] ?? null
    known = { build, atMs: now }
    return build
  }
}
