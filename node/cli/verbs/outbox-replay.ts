import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'
import { CliError } from '../errors.ts'

/** Sets a target back, so that it is told again of all that came since. */
export async function outboxReplay(
  options: {
    readonly config: string
    readonly target: string
    readonly source: string
    readonly fromSeq?: number
    readonly fromBlock?: number
    readonly chain?: number
  },
  deps: CliDeps,
): Promise<void> {
  const { target, source } = options
  const from = placeOf(options)
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const { seq } = await deps.replayOutbox(config, { target, source, from })
  deps.stdout.write(`${target} is told again of all after no. ${seq} of ${source}\n`)
  deps.stderr.write('a running node begins within a second; one that does not run, when it starts\n')
}

function placeOf(options: {
  readonly source: string
  readonly fromSeq?: number
  readonly fromBlock?: number
  readonly chain?: number
}) {
  const { source, fromSeq, fromBlock, chain } = options
  if (fromBlock !== undefined && source !== 'events')
    throw new CliError(
      'CLI_BAD_OPTIONS',
      `--from-block is for the source events; give --from-seq of ${source}`,
    )
  if (fromSeq !== undefined && fromBlock === undefined && chain === undefined) return { seq: BigInt(fromSeq) }
  if (fromSeq === undefined && fromBlock !== undefined && chain !== undefined)
    return { chainId: chain, block: BigInt(fromBlock) }
  throw new CliError('CLI_BAD_OPTIONS', 'give either --from-seq, or --from-block and --chain')
}
