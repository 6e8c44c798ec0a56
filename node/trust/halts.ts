import type { ChainHalt, ChainHalts, HaltCause } from '../ports/chain-trust.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'

/** Keeps which chains stand still, in memory: whoever raised a halt finds its cause again after a restart. */
export function chainHalts({
  clock,
  log,
  metrics,
}: {
  clock: Clock
  log: Logger
  metrics: Metrics
}): ChainHalts {
  const halts = new Map<string, ChainHalt>()
  const gauge = metrics.gauge({
    name: 'iyi_chain_halted',
    help: '1 while duties of the chain stand still for this cause.',
    labels: ['chain', 'cause'],
  })
  const keyOf = (chainId: number, cause: HaltCause) => `${chainId}/${cause}`
  return {
    raise: ({ chainId, cause, reason }) => {
      const key = keyOf(chainId, cause)
      const known = halts.get(key)
      halts.set(key, { chainId, cause, reason, since: known?.since ?? clock.now() })
      gauge.set(1, { chain: chainId, cause })
      if (known?.reason !== reason) log.error({ chain: chainId, cause, reason }, 'Halt the duties of a chain')
    },
    clear: (chainId, cause) => {
      if (!halts.delete(keyOf(chainId, cause))) return
      gauge.set(0, { chain: chainId, cause })
      log.info({ chain: chainId, cause }, 'Go on with the duties of a chain')
    },
    list: () => [...halts.values()],
  }
}
