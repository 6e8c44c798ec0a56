import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** Adds a folder to the node's own models; the digest goes to standard output. */
export async function modelAdd(
  { config: path, folder }: { readonly config: string; readonly folder: string },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path, env: deps.env })
  const { id, version, digest } = await deps.models.add(config, { folder })
  deps.stdout.write(`${digest}\n`)
  deps.stderr.write(`added ${id} ${version}; a node that runs takes it up within seconds\n`)
}
