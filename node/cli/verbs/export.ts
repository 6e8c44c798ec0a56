import { loadConfig } from '../../config/load.ts'
import type { ExportFormat } from '../../ports/export.ts'
import type { CliDeps } from '../deps.ts'
import { CliError } from '../errors.ts'

/** Writes a table, and says how much of it and up to which block of each chain. */
export async function exportTable(
  options: {
    readonly config: string
    readonly what: string
    readonly format: ExportFormat
    readonly out: string
    readonly chain?: number
    readonly fromBlock?: number
    readonly toBlock?: number
    readonly force?: true
  },
  deps: CliDeps,
): Promise<void> {
  const { what, format, out, chain = null, fromBlock = null, toBlock = null, force = false } = options
  if (fromBlock !== null && toBlock !== null && fromBlock > toBlock)
    throw new CliError('CLI_BAD_OPTIONS', 'no block is both from --from-block on and up to --to-block')
  const { config, source } = loadConfig({ path: options.config, env: deps.env })
  if (chain !== null && !config.chains.some(({ id }) => id === chain)) {
    const known = config.chains.map(({ id }) => id).join(', ')
    throw new CliError('CLI_BAD_OPTIONS', `chain ${chain} is not configured: there are ${known}`)
  }
  const block = (at: number | null) => (at === null ? null : BigInt(at))
  const { rows, blocks } = await deps.exportTable(config, source, {
    ...{ what, format, out, force },
    filter: { chainId: chain, fromBlock: block(fromBlock), toBlock: block(toBlock) },
  })
  const places = [...blocks]
    .sort(([a], [b]) => a - b)
    .map(([chainId, upTo]) => `chain ${chainId} up to block ${upTo}`)
  const whole = places.length === 0 ? 'no chain is in it yet' : places.join(', ')
  deps.stderr.write(`${rows} ${rows === 1 ? 'row' : 'rows'} of ${what}: ${whole}\n`)
}
