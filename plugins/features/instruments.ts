import type { Metrics } from '../../node/ports/metrics.ts'

/** What the feature store tells of itself. */
export function instruments(metrics: Metrics) {
  const transfers = metrics.counter({
    name: 'iyi_features_transfers_total',
    help: 'Transfers by what was done: taken in, taken back, computed, scored, pruned, unreadable.',
    labels: ['what'],
  })
  const count = (what: string) => (by: number) => {
    if (by > 0) transfers.inc({ what }, by)
  }
  return {
    takenIn: count('taken-in'),
    takenBack: count('taken-back'),
    computed: count('computed'),
    scored: count('scored'),
    pruned: count('pruned'),
    unreadable: count('unreadable'),
  }
}

export type Told = ReturnType<typeof instruments>
