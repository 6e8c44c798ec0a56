import type { Metrics } from '../ports/metrics.ts'

/** What is counted of each target. */
export const outboxInstruments = (metrics: Metrics) => ({
  published: metrics.counter({
    name: 'iyi_outbox_published_total',
    help: 'Messages that a broker acknowledged; a message that was published twice counts twice.',
    labels: ['target', 'source'],
  }),
  failures: metrics.counter({
    name: 'iyi_outbox_failures_total',
    help: 'Tries to publish that failed, by error code.',
    labels: ['target', 'source', 'code'],
  }),
  lagMessages: metrics.gauge({
    name: 'iyi_outbox_lag_messages',
    help: 'How far the cursor of a target is behind its source, in numbers of the source, wanted or not.',
    labels: ['target', 'source'],
  }),
  lagSeconds: metrics.gauge({
    name: 'iyi_outbox_lag_seconds',
    help: 'How long ago the target had all that its source had; since the start of the node at most.',
    labels: ['target', 'source'],
  }),
  letters: metrics.gauge({
    name: 'iyi_outbox_dead_letters',
    help: 'Messages that a broker refused and that were put aside.',
    labels: ['target', 'source'],
  }),
})
export type OutboxInstruments = ReturnType<typeof outboxInstruments>
