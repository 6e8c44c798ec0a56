import { MASK, maskPassword, maskUrl } from './mask-url.ts'
import type { NodeConfig } from './schema.ts'

const SECRET =
  /password|passphrase|secret|token$|apikey|api_key|private|mnemonic|seed|credential|authorization/i

/**
 * The configuration as it may be shown: passwords, keys inside URLs, and whatever a plugin's settings call a secret
 * are masked. Plain data, ready to print.
 */
export function redact(config: NodeConfig): NodeConfig {
  const { url, ...database } = config.database
  return {
    ...config,
    database: url === undefined ? database : { ...database, url: maskPassword(url) },
    chains: config.chains.map((chain) => ({ ...chain, rpc: chain.rpc.map(maskEndpoint) })),
    plugins: config.plugins.map((plugin) => ({ ...plugin, config: redactTree(plugin.config) })),
  }
}

function maskEndpoint(endpoint: NodeConfig['chains'][number]['rpc'][number]) {
  if (typeof endpoint === 'string') return maskUrl(endpoint)
  const { url, ws } = endpoint
  return { ...endpoint, url: maskUrl(url), ...(ws === undefined ? {} : { ws: maskUrl(ws) }) }
}

function redactTree(tree: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [key, SECRET.test(key) ? MASK : redactValue(value)]),
  )
}

function redactValue(value: unknown): unknown {
  if (typeof value === 'string') return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? maskUrl(value) : value
  if (Array.isArray(value)) return value.map(redactValue)
  if (typeof value === 'object' && value !== null)
    return redactTree(Object.fromEntries(Object.entries(value)))
  return value
}
