import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'
import { isFolder } from '../is-folder.ts'

/** Tests a model's folder, or a model that the node has; its digest goes to standard output. */
export async function modelVerify(
  { config: path, model }: { readonly config: string; readonly model: string },
  deps: CliDeps,
): Promise<void> {
  const verified = isFolder(model)
    ? await deps.models.verify({ folder: model })
    : await deps.models.verifyKnown(loadConfig({ path, env: deps.env }).config, { model })
  const { id, version, digest, provider } = verified
  deps.stdout.write(`${digest}\n`)
  deps.stderr.write(`${id} ${version} passed its tests on ${provider}\n`)
}
