import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** Sets a consumer back, so that it is told again of a block and all that came after it. */
export async function eventsReplay(
  options: {
    readonly config: string
    readonly consumer: string
    readonly chain: number
    readonly fromBlock: number
  },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const { consumer, chain, fromBlock } = options
  const { notices } = await deps.replayEvents(config, {
    consumer,
    chainId: chain,
    fromBlock: BigInt(fromBlock),
  })
  deps.stdout.write(`${consumer} has ${notices} notices of chain ${chain} before it\n`)
  deps.stderr.write('a running node begins within a second; one that does not run, when it starts\n')
}
