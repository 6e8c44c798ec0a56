import { systemClock } from '../adapters/clock/system.ts'
import { pinoLogger } from '../adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../adapters/prometheus/prometheus-metrics.ts'
import type { CheckedPlugin } from '../cli/deps.ts'
import { customContracts } from '../config/custom-contracts.ts'
import type { ConfigSource } from '../config/load.ts'
import type { NodeConfig } from '../config/schema.ts'
import { readManifest } from '../inference/manifest.ts'
import type { CapabilityProvider } from '../kernel/context.ts'
import { pluginHost } from '../kernel/host.ts'
import { signatureOf } from '../ports/custom-tables.ts'
import { loadPlugins } from './builtin.ts'
import { checkCandidates } from './check-candidates.ts'
import { checkOutbox } from './check-outbox.ts'
import { manifestPath } from './manifest-path.ts'

/**
 * Loads and resolves the plugins of a configuration, sets none of them up; looks at what the outbox names, and at the candidates. Rejects with
 * `ConfigError`, `PluginsRefusedError`, `KernelError`, or `InferenceError` for a manifest that can't be read.
 */
export async function checkPlugins(
  config: NodeConfig,
  source: ConfigSource,
): Promise<readonly CheckedPlugin[]> {
  checkOutbox(config, source)
  await checkCandidates(config, source)
  const host = pluginHost(
    {
      plugins: await loadPlugins(config, source.baseDir),
      chains: config.chains.map(({ id }) => id),
      models: readManifest(manifestPath(config)).map(({ id }) => id),
      customEvents: customContracts(config, source.path).flatMap(({ name, events, eventLog }) =>
        eventLog === true ? events.map((event) => `${name}.${signatureOf(event)}`) : [],
      ),
    },
    {
      capabilities: noCapabilities,
      log: pinoLogger({ level: 'silent', format: 'json' }),
      metrics: prometheusMetrics(),
      clock: systemClock,
    },
  )
  host.resolve()
  return host.plugins()
}

/** Nothing is set up, so nothing is ever asked for. */
const noCapabilities: CapabilityProvider = {
  'chain.read': refuse,
  'chain.trust': refuse,
  'chain.write': refuse,
  'index.read': refuse,
  events: refuse,
  quorum: refuse,
  'http.routes': refuse,
  store: refuse,
  inference: refuse,
  contents: refuse,
}

function refuse(): never {
  throw new TypeError('a plugin that is only checked gets no capability')
}
