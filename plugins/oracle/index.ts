import { definePlugin, type IndexedContract } from '../../node/kernel/plugin.ts'
import { oracleToken } from './api.ts'
import { oracleConfig } from './config.ts'

/** Price and model feeds: a quorum of validators agrees on a number and puts it on-chain. */
export default definePlugin({
  provides: oracleToken,
  version: '0.1.0',
  summary: 'Price and AI-model feeds, agreed on by a quorum and put on-chain',
  needs: [
    'chain.read',
    'chain.trust',
    'index.read',
    'events',
    'quorum',
    'http.routes',
    'inference',
    'contents',
  ],
  requires: {},
  config: oracleConfig,
  routes: ['/v1/feeds', '/v1/models', '/v1/requests', '/v1/inputs'],
  contracts: (config) => {
    const all: IndexedContract[] = config.feeds.flatMap(({ contract, source }) => [
      contract,
      ...source.pools.map(
        ({ chainId, address, startBlock }) => ({ kind: 'pool', chainId, address, startBlock }) as const,
      ),
    ])
    for (const { contract } of config.inference) all.push({ kind: 'inference', ...contract })
    if (config.registry !== undefined) all.push({ kind: 'registry', ...config.registry })
    // Feeds may share a pool: the kernel indexes it once, from the earliest block that any of them names.
    return all
  },
  models: (config) => config.feeds.flatMap(({ source }) => (source.kind === 'model' ? [source.model] : [])),
  load: () => import('./plugin.ts'),
})
