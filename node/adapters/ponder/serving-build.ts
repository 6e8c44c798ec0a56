import type { Pool } from 'pg'
import type { Clock } from '../../ports/clock.ts'
import { liveBuild, type StoredBuild } from './build-store.ts'

/** Views move seldom: once for each new build. */
const KNOWN_MS = 2_000

/**
 * Which build of the indexer the views show. One that was found equal to the build before it has the same lineage, so that
 * what was checked stays checked. Null before there are views. Waits for no lock of Ponder's.
 *
 * @param schema a checked schema name
 */
export function servingBuild(
  schema: string,
  { pool, clock }: { pool: Pool; clock: Clock },
): () => Promise<StoredBuild | null> {
  let known: { readonly build: StoredBuild | null; readonly atMs: number } | null = null
  return async () => {
    const now = clock.monotonic()
    if (known !== null && now - known.atMs < KNOWN_MS) return known.build
    const build = await liveBuild(pool, schema)
    known = { build, atMs: now }
    return build
  }
}
