import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/**
 * One line per model; of two versions of one id the later line is the newer, unless it ends with `candidate` or `set-aside`. Of one
 * that is wanted, how far it is.
 */
export async function modelList(options: { readonly config: string }, deps: CliDeps): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const models = await deps.models.list(config)
  for (const { id, version, digest, source, progress, standing } of models)
    deps.stdout.write(
      `${[id, version, digest, source, progress, standing].filter((part) => part != null).join('  ')}\n`,
    )
  if (models.length === 0) deps.stderr.write('there is no model; add one with "iyi model add"\n')
}
