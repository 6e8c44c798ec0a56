import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'
import { CliError } from '../errors.ts'

export interface ModelAddOptions {
  readonly config: string
  readonly source: string
  readonly gateway: string | null
  readonly digest: string | null
}

/** Adds a folder to the node's own models, or has it fetched; the digest goes to standard output. */
export async function modelAdd(options: ModelAddOptions, deps: CliDeps): Promise<void> {
  const { config: path, ...request } = options
  const { config } = loadConfig({ path, env: deps.env })
  if (request.source.startsWith('peer:')) {
    if (request.digest !== null || request.gateway !== null)
      throw new CliError('CLI_BAD_OPTIONS', 'peer:<digest> says all: leave --digest and --gateway out')
    const { digest } = await deps.models.addFromPeers(config, request.source)
    deps.stdout.write(`${digest}\n`)
    deps.stderr.write(
      'a node that runs fetches it from the other validators, tests it and takes it up: see "iyi model list"\n',
    )
    return
  }
  const { id, version, digest } = await deps.models.add(config, request)
  deps.stdout.write(`${digest}\n`)
  deps.stderr.write(`added ${id} ${version}; a node that runs takes it up within seconds\n`)
  if (request.digest === null && request.source.includes('://'))
    deps.stderr.write('compare the digest with what its author says: the server alone vouches for it\n')
}
