import type { Counter, Gauge, Metrics } from '../../ports/metrics.ts'

/** What the peer transport measures. `peer` is a peer id: at most the members of the open channels. */
export interface Instruments {
  readonly connections: Gauge
  readonly queueBytes: Gauge
  readonly framesSent: Counter
  readonly framesReceived: Counter
  readonly framesDropped: Counter
  readonly framesOverQuota: Counter
  readonly framesSkipped: Counter
  readonly bytesSent: Counter
  readonly bytesReceived: Counter
  readonly reconnects: Counter
  readonly refused: Counter
  readonly violations: Counter
}

export function instruments(metrics: Metrics): Instruments {
  const peer = ['peer'] as const
  return {
    connections: metrics.gauge({
      name: 'iyi_net_connections',
      help: 'Open connections to members, by direction',
      labels: ['direction'],
    }),
    queueBytes: metrics.gauge({
      name: 'iyi_net_queue_bytes',
      help: 'Bytes that wait to be sent to a peer',
      labels: peer,
    }),
    framesSent: metrics.counter({
      name: 'iyi_net_frames_sent_total',
      help: 'Frames handed to a peer',
      labels: peer,
    }),
    framesReceived: metrics.counter({
      name: 'iyi_net_frames_received_total',
      help: 'Frames delivered from a peer',
      labels: peer,
    }),
    framesDropped: metrics.counter({
      name: 'iyi_net_frames_dropped_total',
      help: 'Messages that were not sent to a peer, by class and reason: queue full, superseded, expired, closed',
      labels: ['peer', 'class', 'reason'],
    }),
    framesOverQuota: metrics.counter({
      name: 'iyi_net_frames_over_quota_total',
      help: 'Messages dropped because their peer sent more of the class than a validator has reason to',
      labels: ['peer', 'class'],
    }),
    framesSkipped: metrics.counter({
      name: 'iyi_net_frames_skipped_total',
      help: 'Frames received for a channel that is not open here, or not open for their sender',
      labels: peer,
    }),
    bytesSent: metrics.counter({
      name: 'iyi_net_sent_bytes_total',
      help: 'Bytes handed to a peer',
      labels: peer,
    }),
    bytesReceived: metrics.counter({
      name: 'iyi_net_received_bytes_total',
      help: 'Bytes read from a peer',
      labels: peer,
    }),
    reconnects: metrics.counter({
      name: 'iyi_net_reconnects_total',
      help: 'Attempts to reach a peer, by outcome',
      labels: ['peer', 'outcome'],
    }),
    refused: metrics.counter({
      name: 'iyi_net_refused_total',
      help: 'Connections refused before any protocol data was read',
      labels: ['reason'],
    }),
    violations: metrics.counter({
      name: 'iyi_net_violations_total',
      help: 'Connections closed for what their peer sent',
      labels: ['peer', 'reason'],
    }),
  }
}
