import { definePlugin } from '../../node/kernel/plugin.ts'
import { featuresToken } from './api.ts'
import { featuresConfig, TRANSFER } from './config.ts'

/** A feature store: what a model is told of each token transfer, kept as it was at the transfer's own moment. */
export default definePlugin({
  provides: featuresToken,
  version: '0.1.0',
  summary: 'Features of token transfers as of their moment, with scores of a model',
  needs: ['chain.read', 'index.read', 'events', 'http.routes', 'store', 'inference'],
  requires: {},
  config: featuresConfig,
  customEvents: (config) => config.tokens.map(({ contract }) => `${contract}.${TRANSFER}`),
  load: () => import('./plugin.ts'),
})
