import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'
import { CliError } from '../errors.ts'
import { missingKeys } from '../missing-keys.ts'

/**
 * Prints the node's keys, one line each: role, public identity, file. No password is needed. Rejects with
 * `CLI_KEYS_MISSING` when not all are there.
 */
export async function keysList(options: { readonly config: string }, deps: CliDeps): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const keys = await deps.listKeystores({ dir: config.keys.dir })
  const width = Math.max(0, ...keys.map((key) => key.role.length))
  for (const key of keys)
    deps.stdout.write(
      `${key.role.padEnd(width)}  ${key.identity}  ${key.file}${key.note === undefined ? '' : `  ${key.note}`}\n`,
    )
  const missing = missingKeys(config.keys.dir, keys, deps)
  if (missing !== null)
    throw new CliError('CLI_KEYS_MISSING', `${missing.message}: ${missing.remedy}`, { path: config.keys.dir })
}
