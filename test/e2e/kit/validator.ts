import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { isReady } from './http.ts'
import type { Network } from './network.ts'
import { iyi, type Program } from './program.ts'
import { until } from './until.ts'

export const PRICE = 'iyi-usd-price'
export const VOLATILITY = 'iyi-usd-volatility-1h'
export const TERM = 'iyi-usd-volatility-term'

/** As far as the tests change it. */
export interface ValidatorConfig {
  name: string
  database: { url: string; passwordFile: string }
  network: { listen: string[]; peers: string[] }
  chains: { id: number; rpc: string[] }[]
  inference?: { manifest: string }
  plugins: {
    use: string
    grants: string[]
    config?: { feeds?: { id: string; source: { pools: object[] } }[]; greeting?: string }
  }[]
}

export function configOf(net: Network, index: number): ValidatorConfig {
  return parse(readFileSync(join(net.dir, `validator-${index}`, 'iyi.yaml'), 'utf8')) as ValidatorConfig
}

/** Writes a changed copy of a validator's configuration beside it, and gives its path. */
export function variant(
  net: Network,
  index: number,
  name: string,
  change: (config: ValidatorConfig) => void,
): string {
  const config = configOf(net, index)
  change(config)
  const path = join(net.dir, `validator-${index}`, `${name}.yaml`)
  // Anchors would make the change of one pool a change of another feed's.
  writeFileSync(path, stringify(config, { aliasDuplicateObjects: false }))
  return path
}

/** Starts a node with this configuration; it ends with the network, if not before. */
export function startNode(net: Network, configPath: string): Program {
  const node = iyi(['start', '--config', configPath])
  net.onDispose(() => node.destroy())
  return node
}

/** Resolves once the node at `api` is ready; rejects with its log when it ended or does not get there. */
export async function ready(node: Program, api: string, withinMs = 60_000): Promise<void> {
  await until(
    `${api} is ready`,
    async () => {
      if (node.hasEnded()) return true
      return isReady(api)
    },
    { withinMs, saw: () => `${node.stdout()}\n${node.stderr()}`.slice(-3_000) },
  )
  if (node.hasEnded()) throw new Error(`the node ended: ${node.stdout()}\n${node.stderr()}`)
}

/** SIGTERM, and its exit code. */
export async function stop(node: Program): Promise<number | null> {
  node.signal('SIGTERM')
  return (await node.ended(15_000)).code
}
