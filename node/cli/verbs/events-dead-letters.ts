import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** Two lines per event that a consumer failed to handle: what and when, and the error. */
export async function eventsDeadLetters(
  options: { readonly config: string; readonly consumer: string | null },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const letters = await deps.eventDeadLetters(config, { consumer: options.consumer })
  for (const letter of letters) {
    const { id, consumer, event, chainId, blockNumber, attempts, failedAt, waiting, error } = letter
    const state = waiting ? ', to be delivered again' : ''
    deps.stdout.write(
      `${id}  ${consumer}  ${event} of block ${blockNumber} on chain ${chainId}, ${attempts} tries, last ${failedAt}${state}\n`,
    )
    deps.stdout.write(`    ${error.replaceAll(/\s+/g, ' ')}\n`)
  }
  if (letters.length === 0) deps.stderr.write('no dead letters\n')
}
