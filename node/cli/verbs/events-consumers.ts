import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** One line per consumer and chain: where it is, and how much it has before it. */
export async function eventsConsumers(options: { readonly config: string }, deps: CliDeps): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const consumers = await deps.eventConsumers(config)
  for (const { consumer, chainId, stage, seq, behind, deadLetters } of consumers) {
    const dead = deadLetters === 1 ? '1 dead letter' : `${deadLetters} dead letters`
    deps.stdout.write(`${consumer}  chain ${chainId}  ${stage}  at ${seq}, ${behind} behind  ${dead}\n`)
  }
  if (consumers.length === 0) deps.stderr.write('no plugin has followed events on this database yet\n')
}
