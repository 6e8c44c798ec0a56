import { loadConfig } from '../../config/load.ts'
import { configuredPassword } from '../../config/password.ts'
import type { CliDeps } from '../deps.ts'
import { CliError } from '../errors.ts'
import { askHidden, isTerminal } from '../prompt.ts'

/** Runs a node until it is stopped. */
export async function start(options: { readonly config: string }, deps: CliDeps): Promise<void> {
  const { config, source } = loadConfig({ path: options.config, env: deps.env })
  await deps.startNode(config, {
    source,
    env: deps.env,
    async keysPassword() {
      const known = configuredPassword(config, deps.env)
      if (known !== null) return known
      if (isTerminal(deps.stdin))
        return askHidden('Password of the keys: ', { stdin: deps.stdin, out: deps.stderr })
      throw new CliError(
        'CLI_NO_PASSWORD',
        'the keystores need their password: set keys.passwordFile in the configuration, or IYI_KEYS_PASSWORD',
      )
    },
  })
}
