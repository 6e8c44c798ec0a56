import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** Reads an earlier build of the index from now on. */
export async function dbRollback(
  options: { readonly config: string; readonly to: string | null },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const { from, to } = await deps.rollBackIndex(config, { to: options.to })
  deps.stdout.write(`${to} is read now${from === null || from === to ? '' : `, instead of ${from}`}\n`)
  if (from !== null && from !== to)
    deps.stderr.write(
      `${from} is not built again by itself; to take it back: iyi db rollback --to ${from}\n` +
        `${to} was not followed meanwhile: the node reads what it missed, and is not ready until then\n`,
    )
}
