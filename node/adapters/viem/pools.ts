import type { Clock } from '../../ports/clock.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { RpcEndpoint } from '../../ports/rpc-endpoint.ts'
import type { ProviderStatus, Witness, Witnesses } from '../../ports/witness.ts'
import { unknownChain } from './errors.ts'
import { ProviderPool } from './provider-pool.ts'
import { poolWitnesses } from './witness.ts'

/** The providers of all chains. Who reads and who sends share them, so that a budget holds for both. */
export interface ChainPools extends Witnesses {
  /** Throws `CHAIN_UNKNOWN`. */
  pool(chainId: number): ProviderPool
  status(chainId: number): readonly ProviderStatus[]
  /** Ends every request. */
  stop(): void
}

export function chainPools(
  options: {
    readonly chains: readonly { readonly id: number; readonly rpc: readonly RpcEndpoint[] }[]
    /** For one request to one provider, answer's body included. */
    readonly timeoutMs: number
  },
  modules: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics },
): ChainPools {
  const pools = new Map<number, ProviderPool>()
  const witnesses = new Map<number, readonly Witness[]>()
  const limits = modules.metrics.gauge({
    name: 'iyi_chain_provider_limit_per_second',
    help: 'Requests a second that the operator allows to a chain provider',
    labels: ['chain', 'provider'],
  })
  for (const { id, rpc } of options.chains) {
    const pool = new ProviderPool({ chainId: id, rpc, timeoutMs: options.timeoutMs }, modules)
    pools.set(id, pool)
    witnesses.set(id, poolWitnesses(pool, rpc))
    for (const { provider, limitPerSecond } of pool.status())
      if (limitPerSecond !== null) limits.set(limitPerSecond, { chain: id, provider })
  }
  const pool = (chainId: number): ProviderPool => {
    const found = pools.get(chainId)
    if (found === undefined) throw unknownChain(chainId)
    return found
  }
  return {
    pool,
    of: (chainId) => witnesses.get(chainId) ?? [],
    status: (chainId) => pool(chainId).status(),
    stop: () => {
      for (const each of pools.values()) each.stop()
    },
  }
}
