import { loadConfig } from '../../config/load.ts'
import type { IndexBuild } from '../../ports/index-builds.ts'
import type { CliDeps } from '../deps.ts'

/** One line per build of the index, oldest first. */
export async function dbBuilds(options: { readonly config: string }, deps: CliDeps): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const builds = await deps.indexBuilds(config)
  for (const build of builds) deps.stdout.write(`${lineOf(build)}\n`)
  if (builds.length === 0) deps.stderr.write('no indexer has run on this database yet\n')
}

function lineOf({ schema, state, createdAt, progress, secondsLeft, note }: IndexBuild): string {
  const read = state === 'building' && progress !== null ? [`${Math.floor(progress * 100)} % read`] : []
  const left = state === 'building' && secondsLeft !== null ? [`about ${secondsLeft} s left`] : []
  const said = note === null ? [] : [note]
  const begun = `begun ${new Date(createdAt).toISOString()}`
  return [schema, state, begun, ...read, ...left, ...said].join('  ')
}
