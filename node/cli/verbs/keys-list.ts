import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** Prints the node's keys, one line each: role, public identity, file. No password is needed. */
export async function keysList(options: { readonly config: string }, deps: CliDeps): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const keys = await deps.listKeystores({ dir: config.keys.dir })
  const width = Math.max(0, ...keys.map((key) => key.role.length))
  for (const key of keys)
    deps.stdout.write(
      `${key.role.padEnd(width)}  ${key.identity}  ${key.file}${key.note === undefined ? '' : `  ${key.note}`}\n`,
    )
  if (keys.length === 0)
    deps.stderr.write(`there are no keys in ${config.keys.dir}: make them with "iyi init"\n`)
}
