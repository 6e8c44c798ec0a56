import type { Metrics } from '../ports/metrics.ts'

/** The engine's metrics for one duty. */
export interface Instruments {
  message(direction: 'in' | 'out'): void
  drop(reason: string): void
  fault(code: string, culprit: number | 'self' | 'unknown'): void
  offence(offence: string, oracle: number): void
  epoch(epoch: number): void
  committed(seqNr: bigint, durationSeconds: number | null): void
  attested(): void
  transmission(result: 'mined' | 'reverted' | 'not-needed' | 'superseded' | 'failed'): void
  saveRetry(): void
  /** An outcome holds an observation of this validator. */
  observed(oracle: number): void
  voted(oracle: number, latenessSeconds: number): void
}

export function instruments(metrics: Metrics, duty: string): Instruments {
  const messages = metrics.counter({
    name: 'iyi_quorum_messages_total',
    help: 'Messages exchanged with other validators; a broadcast counts once',
    labels: ['duty', 'direction'],
  })
  const dropped = metrics.counter({
    name: 'iyi_quorum_dropped_total',
    help: 'Messages that were not worth keeping, by reason',
    labels: ['duty', 'reason'],
  })
  const faults = metrics.counter({
    name: 'iyi_quorum_faults_total',
    help: 'Breaches of the protocol seen; oracle is the culprit, self this node, unknown where it does not show',
    labels: ['duty', 'code', 'oracle'],
  })
  const offences = metrics.counter({
    name: 'iyi_quorum_offences_total',
    help: 'Breaches that can be shown to others (GET /v1/quorum/evidence); repeated ones are counted, not all kept',
    labels: ['duty', 'offence', 'oracle'],
  })
  const epochs = metrics.gauge({
    name: 'iyi_quorum_epoch',
    help: 'Current epoch; a fast rise means that leaders fail',
    labels: ['duty'],
  })
  const seqNrs = metrics.gauge({
    name: 'iyi_quorum_sequence_number',
    help: 'Last committed sequence number',
    labels: ['duty'],
  })
  const durations = metrics.histogram({
    name: 'iyi_quorum_round_duration_seconds',
    help: 'From the query to the commit, as a follower sees it',
    labels: ['duty'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  })
  const attestations = metrics.counter({
    name: 'iyi_quorum_attested_total',
    help: 'Outcomes whose reports have the signatures that they need',
    labels: ['duty'],
  })
  const transmissions = metrics.counter({
    name: 'iyi_quorum_transmissions_total',
    help: 'Reports of which this node had the turn to transmit, by what came of it',
    labels: ['duty', 'result'],
  })
  const retries = metrics.counter({
    name: 'iyi_quorum_store_retries_total',
    help: 'Writes of protocol state that failed and were tried again; the protocol waits for them',
    labels: ['duty'],
  })
  const observations = metrics.counter({
    name: 'iyi_quorum_observations_total',
    help: 'Outcomes that hold an observation of the validator; set against the sequence number this is its participation',
    labels: ['duty', 'oracle'],
  })
  const lateness = metrics.histogram({
    name: 'iyi_quorum_vote_lateness_seconds',
    help: 'How long after the quorum of prepares was complete the prepare of a validator arrived; 0 for a part of it',
    labels: ['duty', 'oracle'],
    buckets: [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  })
  return {
    message: (direction) => messages.inc({ duty, direction }),
    drop: (reason) => dropped.inc({ duty, reason }),
    fault: (code, culprit) => faults.inc({ duty, code, oracle: culprit }),
    offence: (offence, oracle) => offences.inc({ duty, offence, oracle }),
    epoch: (epoch) => epochs.set(epoch, { duty }),
    committed: (seqNr, durationSeconds) => {
      seqNrs.set(Number(seqNr), { duty })
      if (durationSeconds !== null) durations.observe(durationSeconds, { duty })
    },
    attested: () => attestations.inc({ duty }),
    transmission: (result) => transmissions.inc({ duty, result }),
    saveRetry: () => retries.inc({ duty }),
    observed: (oracle) => observations.inc({ duty, oracle }),
    voted: (oracle, latenessSeconds) => lateness.observe(latenessSeconds, { duty, oracle }),
  }
}
