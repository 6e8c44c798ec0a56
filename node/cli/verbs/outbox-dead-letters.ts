import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** Two lines per message that a broker refused: what and when, and the error. */
export async function outboxDeadLetters(
  options: { readonly config: string; readonly target: string | null },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const letters = await deps.outboxDeadLetters(config, { target: options.target })
  for (const { id, target, source, seq, key, attempts, failedAt, waiting, error } of letters) {
    const state = waiting ? ', to be published again' : ''
    deps.stdout.write(
      `${id}  ${target}  ${source} no. ${seq}, ${key}, ${attempts} tries, last ${failedAt}${state}\n`,
    )
    deps.stdout.write(`    ${error.replaceAll(/\s+/g, ' ')}\n`)
  }
  if (letters.length === 0) deps.stderr.write('no dead letters\n')
}
