import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'
import type { VersionDecision } from '../model-deps.ts'

const SAID: Readonly<Record<VersionDecision, (id: string, version: string) => string>> = {
  promote: (id, version) => `${id} means ${version} from now on; take it out of inference.candidates`,
  rollback: (id, version) => `${id} does not mean ${version} any more, and it is not tried`,
  retry: (id, version) => `${version} of ${id} is tried once more`,
}

/** Decides of a version that is tried; its digest goes to standard output. */
export async function modelDecide(
  options: { readonly config: string; readonly model: string; readonly decision: VersionDecision },
  deps: CliDeps,
): Promise<void> {
  const { config: path, model, decision } = options
  const { config } = loadConfig({ path, env: deps.env })
  const { id, version, digest } = await deps.models.decide(config, { model, decision })
  deps.stdout.write(`${digest}\n`)
  deps.stderr.write(`${SAID[decision](id, version)}; a node that runs follows within seconds\n`)
}
