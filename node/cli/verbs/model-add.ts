import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

export interface ModelAddOptions {
  readonly config: string
  readonly source: string
  readonly gateway: string | null
  readonly digest: string | null
}

/** Adds a folder to the node's own models; the digest goes to standard output. */
export async function modelAdd(options: ModelAddOptions, deps: CliDeps): Promise<void> {
  const { config: path, ...request } = options
  const { config } = loadConfig({ path, env: deps.env })
  const { id, version, digest } = await deps.models.add(config, request)
  deps.stdout.write(`${digest}\n`)
  deps.stderr.write(`added ${id} ${version}; a node that runs takes it up within seconds\n`)
  if (request.digest === null && request.source.includes('://'))
    deps.stderr.write('compare the digest with what its author says: the server alone vouches for it\n')
}
