import { stringify } from 'yaml'
import { customContracts } from '../../config/custom-contracts.ts'
import { ConfigError, type ConfigFault, invalidConfig } from '../../config/errors.ts'
import { loadConfig } from '../../config/load.ts'
import { configuredPassword } from '../../config/password.ts'
import { redact } from '../../config/redact.ts'
import type { NodeConfig } from '../../config/schema.ts'
import { seriesSources } from '../../config/series-sources.ts'
import type { CliDeps } from '../deps.ts'
import { missingKeys } from '../missing-keys.ts'

/**
 * Checks a configuration and its plugins, and prints what is in effect as YAML with secrets masked. Remarks go to
 * standard error, so the output can be piped. Nothing is opened: whether ports are free, the password is right and others answer, a
 * start shows.
 */
export async function configCheck(options: { readonly config: string }, deps: CliDeps): Promise<void> {
  const { config, source } = loadConfig({ path: options.config, env: deps.env })
  const faults = await keyFaults(config, deps)
  if (faults.length > 0) throw invalidConfig(source.path, faults)
  seriesSources(config, customContracts(config, source.path), source.path)
  const plugins = await deps.checkPlugins(config, source)
  deps.stdout.write(stringify(redact(config), { lineWidth: 0 }))
  if (source.overrides.length > 0)
    deps.stderr.write(`overridden by the environment: ${source.overrides.join(', ')}\n`)
  for (const plugin of plugins) {
    deps.stderr.write(`plugin ${plugin.id} ${plugin.version} (${plugin.source}): ${plugin.summary}\n`)
    deps.stderr.write(`  may use: ${plugin.needs.length === 0 ? 'nothing' : plugin.needs.join(', ')}\n`)
  }
  deps.stderr.write(`${source.path} is fine\n`)
}

/** Keys and password that a start would ask for in vain. */
async function keyFaults(config: NodeConfig, deps: CliDeps): Promise<readonly ConfigFault[]> {
  const faults: ConfigFault[] = []
  const missing = missingKeys(config.keys.dir, await deps.listKeystores({ dir: config.keys.dir }), deps)
  if (missing !== null) faults.push({ path: 'keys.dir', from: 'file', ...missing })
  try {
    configuredPassword(config, deps.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const remedy = 'correct the path, or remove it: IYI_KEYS_PASSWORD is used then, or the terminal is asked'
    faults.push({ path: 'keys.passwordFile', from: 'file', message: error.message, remedy })
  }
  return faults
}
