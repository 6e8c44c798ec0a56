import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'
import { CliError } from '../errors.ts'

/** Has refused messages of a target published again: those named, or all. */
export async function outboxRetry(
  options: {
    readonly config: string
    readonly target: string
    readonly ids: readonly bigint[]
    readonly all: boolean
  },
  deps: CliDeps,
): Promise<void> {
  const { target, ids, all } = options
  if (all === ids.length > 0) throw new CliError('CLI_BAD_OPTIONS', 'give either --id or --all')
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const count = await deps.retryOutbox(config, { target, ids: all ? null : ids })
  deps.stdout.write(`${count} to be published again to ${target}\n`)
  deps.stderr.write('a running node begins within a second; one that does not run, when it starts\n')
}
