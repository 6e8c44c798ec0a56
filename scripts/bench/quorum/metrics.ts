import type { Labels, MetricSpec, Metrics } from '../../../node/ports/metrics.ts'
import type { Board } from './board.ts'

const nothing = () => {}

/** The duty's place in its id. */
export const dutyId = (duty: number): string => `bench/${duty}`
const dutyOf = (labels: Labels | undefined): number => Number(String(labels?.duty).slice('bench/'.length))

/** The metrics that tell of a run are kept on the board, the others nowhere. */
export function boardMetrics(board: Board, node: number): Metrics {
  const counters: Readonly<Record<string, (labels: Labels | undefined, by: number) => void>> = {
    iyi_quorum_attested_total: (labels) => board.attested(dutyOf(labels), node),
    iyi_quorum_faults_total: (_labels, by) => board.add('faults', by),
    iyi_net_frames_dropped_total: (_labels, by) => board.add('lostFrames', by),
    iyi_net_frames_over_quota_total: (_labels, by) => board.add('lostFrames', by),
    iyi_quorum_dropped_total: (labels, by) => {
      if (labels?.reason === 'inbox-full') board.add('lostFrames', by)
    },
    iyi_net_reconnects_total: (_labels, by) => board.add('reconnects', by),
    iyi_net_sent_bytes_total: (_labels, by) => board.add('wireBytes', by),
  }
  return {
    counter: ({ name }: MetricSpec) => {
      const counted = counters[name] ?? nothing
      return { inc: (labels, by = 1) => counted(labels, by) }
    },
    gauge: ({ name }: MetricSpec) => ({
      set: name === 'iyi_quorum_epoch' ? () => board.add('epochs') : nothing,
    }),
    histogram: () => ({ observe: nothing }),
  }
}
