import { stringify } from 'yaml'
import { loadConfig } from '../../config/load.ts'
import { redact } from '../../config/redact.ts'
import type { CliDeps } from '../deps.ts'

/**
 * Checks a configuration and its plugins, and prints what is in effect as YAML with secrets masked. Remarks go to
 * standard error, so the output can be piped.
 */
export async function configCheck(options: { readonly config: string }, deps: CliDeps): Promise<void> {
  const { config, source } = loadConfig({ path: options.config, env: deps.env })
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
