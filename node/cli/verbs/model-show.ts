import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** What a model's entry and file say, as JSON. */
export async function modelShow(
  { config: path, model }: { readonly config: string; readonly model: string },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path, env: deps.env })
  deps.stdout.write(`${JSON.stringify(await deps.models.show(config, { model }), null, 2)}\n`)
}
