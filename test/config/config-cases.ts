import { ConfigError, type ConfigFault } from '../../node/config/errors.ts'
import { type LoadedConfig, parseConfig } from '../../node/config/load.ts'

/** The least that a configuration must say. */
export const minimal = { chains: [{ id: 1, name: 'mainnet', rpc: ['https://rpc.example.org'] }] }

export function parse(value: unknown, env: Record<string, string> = {}): LoadedConfig {
  return parseConfig({ value, path: '/srv/node/iyi.yaml', env })
}

/** The faults that a configuration is refused for. */
export function faultsOf(value: unknown, env: Record<string, string> = {}): readonly ConfigFault[] {
  try {
    parse(value, env)
  } catch (error) {
    if (error instanceof ConfigError && error.code === 'CONFIG_INVALID') return error.data.faults
    throw error
  }
  return []
}

export const paths = (faults: readonly ConfigFault[]) => faults.map((fault) => fault.path)
