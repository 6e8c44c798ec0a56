import type { Counter, Gauge, Histogram, Metrics } from '../../ports/metrics.ts'

/** What the requests to chain providers measure; `provider` is the index in the configuration, never the URL. */
export interface RpcInstruments {
  readonly requests: Counter
  readonly duration: Histogram
  readonly up: Gauge
  readonly throttled: Counter
}

export function rpcInstruments(metrics: Metrics): RpcInstruments {
  return {
    requests: metrics.counter({
      name: 'iyi_chain_requests_total',
      help: 'JSON-RPC requests to a chain provider, by outcome',
      labels: ['chain', 'provider', 'method', 'outcome'],
    }),
    duration: metrics.histogram({
      name: 'iyi_chain_request_duration_seconds',
      help: 'Time a chain provider takes to answer',
      labels: ['chain', 'provider'],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    }),
    up: metrics.gauge({
      name: 'iyi_chain_provider_up',
      help: '1 while the last request to a chain provider succeeded',
      labels: ['chain', 'provider'],
    }),
    throttled: metrics.counter({
      name: 'iyi_chain_budget_waits_total',
      help: 'Times a request waited because the budget of its provider was spent',
      labels: ['chain', 'provider'],
    }),
  }
}
