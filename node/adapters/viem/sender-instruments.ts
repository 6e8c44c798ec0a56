import type { Counter, Gauge, Histogram, Metrics } from '../../ports/metrics.ts'

/** What the transmitter account measures. */
export interface SenderInstruments {
  readonly balance: Gauge
  readonly nonce: Gauge
  readonly inFlight: Gauge
  readonly sent: Counter
  readonly replaced: Counter
  readonly duration: Histogram
}

export function senderInstruments(metrics: Metrics): SenderInstruments {
  const labels = ['chain']
  return {
    balance: metrics.gauge({
      name: 'iyi_transmitter_balance_wei',
      help: 'Native balance of the transmitter account',
      labels,
    }),
    nonce: metrics.gauge({ name: 'iyi_transmitter_pending_nonce', help: 'Newest nonce given out', labels }),
    inFlight: metrics.gauge({
      name: 'iyi_transmitter_in_flight_transactions',
      help: 'Transactions sent and not mined',
      labels,
    }),
    sent: metrics.counter({
      name: 'iyi_transmitter_transactions_total',
      help: 'Transactions that ended: success, reverted, or lost to another transaction of their nonce',
      labels: ['chain', 'outcome'],
    }),
    replaced: metrics.counter({
      name: 'iyi_transmitter_replaced_total',
      help: 'Replacements of stuck transactions with higher fees',
      labels,
    }),
    duration: metrics.histogram({
      name: 'iyi_transmitter_inclusion_duration_seconds',
      help: 'Time from sending to inclusion',
      labels,
      buckets: [0.5, 1, 2, 5, 12, 24, 60, 120, 300, 900],
    }),
  }
}
