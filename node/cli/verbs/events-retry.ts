import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'
import { CliError } from '../errors.ts'

/** Has dead letters of a consumer delivered again: those named, or all. */
export async function eventsRetry(
  options: {
    readonly config: string
    readonly consumer: string
    readonly ids: readonly bigint[]
    readonly all: boolean
  },
  deps: CliDeps,
): Promise<void> {
  const { consumer, ids, all } = options
  if (all === ids.length > 0) throw new CliError('CLI_BAD_OPTIONS', 'give either --id or --all')
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const count = await deps.retryEvents(config, { consumer, ids: all ? null : ids })
  deps.stdout.write(`${count} to be delivered again to ${consumer}\n`)
  deps.stderr.write('a running node begins within a second; one that does not run, when it starts\n')
}
