import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** Takes away a model that was added. */
export async function modelRemove(
  { config: path, model }: { readonly config: string; readonly model: string },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path, env: deps.env })
  const { id, version, digest, source } = await deps.models.remove(config, { model })
  deps.stdout.write(`${digest}\n`)
  if (source === 'wanted') {
    deps.stderr.write('not wanted any more; a node that runs ends its transfer within seconds\n')
    return
  }
  deps.stderr.write(`removed ${id} ${version}; a node that runs gives it up once its runs have ended\n`)
}
