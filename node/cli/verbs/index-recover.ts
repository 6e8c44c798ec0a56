import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** Recovers a chain whose reorganisation went deeper than finality. */
export async function indexRecover(
  options: { readonly config: string; readonly chain: number },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const { chain, ancestor, reverted } = await deps.recoverIndex(config, { chainId: options.chain })
  const where = ancestor === null ? 'its beginning' : `block ${ancestor}`
  deps.stdout.write(`${chain} goes on from ${where}; ${reverted} events are reverted\n`)
  deps.stderr.write('start the node: it builds the index anew, then tells its plugins\n')
}
