import type { Counter, Gauge, Metrics } from '../ports/metrics.ts'

export interface TrustInstruments {
  readonly agreed: Gauge
  readonly waiting: Gauge
  readonly setAside: Gauge
  readonly contradictions: Counter
  readonly proofs: Counter
}

export function trustInstruments(metrics: Metrics): TrustInstruments {
  return {
    agreed: metrics.gauge({
      name: 'iyi_chain_agreed_block',
      help: 'Newest block up to which the index and enough independent providers say the same.',
      labels: ['chain'],
    }),
    waiting: metrics.gauge({
      name: 'iyi_chain_agreement_waiting',
      help: '1 while a block waits for enough independent providers, or for the index, to say the same.',
      labels: ['chain'],
    }),
    setAside: metrics.gauge({
      name: 'iyi_chain_provider_set_aside',
      help: '1 while a provider that is proven wrong counts for nothing.',
      labels: ['chain', 'provider'],
    }),
    contradictions: metrics.counter({
      name: 'iyi_chain_contradictions_total',
      help: 'Contradictions among providers, and between them and the index, by kind.',
      labels: ['chain', 'kind'],
    }),
    proofs: metrics.counter({
      name: 'iyi_chain_blocks_proven_total',
      help: 'Live blocks whose logs were checked against the receipts root, by outcome.',
      labels: ['chain', 'outcome'],
    }),
  }
}
