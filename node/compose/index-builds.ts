import { listBuilds, rollBack } from '../adapters/ponder/roll-back.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { IndexBuild } from '../ports/index-builds.ts'
import { withNodeDatabase } from './validator-database.ts'

type Modules = Parameters<typeof withNodeDatabase>[1]

// What `iyi db` does, beside the running node or without it: the views and the list of builds are all in the database, and
// the indexer looks twice a second.

export function indexBuilds(config: NodeConfig, modules: Modules): Promise<readonly IndexBuild[]> {
  const { viewsSchema } = config.indexer
  return withNodeDatabase(config, modules, ({ pool }) => listBuilds(pool, { viewsSchema }))
}

export function rollBackIndex(
  config: NodeConfig,
  { to }: { to: string | null },
  modules: Modules,
): Promise<{ readonly from: string | null; readonly to: string }> {
  const { viewsSchema } = config.indexer
  return withNodeDatabase(config, modules, ({ pool }) => rollBack(pool, { viewsSchema, to }))
}
