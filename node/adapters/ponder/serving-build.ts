import type { Pool } from 'pg'
import type { Clock } from '../../ports/clock.ts'
import { liveLineage } from './build-store.ts'

/** Views move seldom: once for each new build. */
const KNOWN_MS = 2_000

/**
 * Which build of the indexer the views show. One that was found equal to the build before it counts as the same, so that
 * what was checked stays checked. Null before there are views. Waits for no lock of Ponder's.
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
    const build = await liveLineage(pool, schema)
    known = { build, atMs: now }
    return build
  }
}
