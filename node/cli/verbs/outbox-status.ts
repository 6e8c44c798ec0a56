import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** A line per target and source; another one where it waits for something. */
export async function outboxStatus(options: { readonly config: string }, deps: CliDeps): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const cursors = await deps.outboxStatus(config)
  for (const { target, source, seq, behind, deadLetters, updatedAt, trouble } of cursors) {
    const dead = deadLetters === 1 ? '1 dead letter' : `${deadLetters} dead letters`
    const left = behind === null ? 'a source of another release' : `${behind} behind`
    const gone = config.outbox.some(({ name }) => name === target)
      ? ''
      : ', not in the configuration any more'
    deps.stdout.write(`${target}  ${source}  at ${seq}, ${left}  ${dead}  moved ${updatedAt}${gone}\n`)
    if (trouble !== null) deps.stdout.write(`    ${trouble.replaceAll(/\s+/g, ' ')}\n`)
  }
  const missing = config.outbox.filter(({ name }) => !cursors.some(({ target }) => target === name))
  for (const { name } of missing) deps.stderr.write(`${name} has not begun: start the node\n`)
  if (config.outbox.length === 0 && cursors.length === 0) deps.stderr.write('the outbox has no target\n')
}
