import type { Pool } from 'pg'
import type { IndexBuild } from '../../ports/index-builds.ts'
import { readBuilds } from './build-store.ts'
import { IndexError } from './errors.ts'
import { flipViews } from './flip.ts'
import { checkedSchema } from './names.ts'

/** Builds of the index, oldest first. Rejects with `INDEX_UNAVAILABLE` (retry). */
export async function listBuilds(
  pool: Pool,
  { viewsSchema }: { readonly viewsSchema: string },
): Promise<readonly IndexBuild[]> {
  return (await readBuilds(pool, checkedSchema(viewsSchema))).map(
    ({ contracts: _contracts, ...build }) => build,
  )
}

/**
 * Reads another build from now on: the one that was live before, or the one named. The build that was live so far is not
 * built again until somebody goes back to it by name. A running indexer notices, and goes on with that build.
 *
 * @returns the build that is read now, and the one that was
 * @throws IndexError `INDEX_NO_BUILD`, `INDEX_UNAVAILABLE` (retry)
 */
export async function rollBack(
  pool: Pool,
  options: { readonly viewsSchema: string; readonly to: string | null },
): Promise<{ readonly from: string | null; readonly to: string }> {
  const viewsSchema = checkedSchema(options.viewsSchema)
  const builds = await readBuilds(pool, viewsSchema)
  const from = builds.find(({ state }) => state === 'live')?.schema ?? null
  const to = options.to ?? newestKept(builds)
  if (to === null)
    throw new IndexError(
      'INDEX_NO_BUILD',
      'There is no earlier build of the index to go back to. `iyi db builds` lists what there is.',
      { data: { viewsSchema } },
    )
  if (builds.find(({ schema }) => schema === to)?.state === 'building')
    throw new IndexError(
      'INDEX_NO_BUILD',
      `${to} is still being made. Wait until \`iyi db builds\` says otherwise.`,
      {
        data: { schema: to },
      },
    )
  await flipViews(pool, { viewsSchema, to, previous: 'rolled-back', note: `an operator went back to ${to}` })
  return { from, to }
}

function newestKept(builds: readonly IndexBuild[]): string | null {
  const kept = builds.filter(({ state }) => state === 'kept')
  kept.sort((a, b) => (b.liveAt ?? 0) - (a.liveAt ?? 0))
  return kept[0]?.schema ?? null
}
