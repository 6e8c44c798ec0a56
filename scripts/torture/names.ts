import { TOLD } from './chain.ts'

export const chainNames = ['alpha', 'beta'] as const

/** The events that the consumers of a storm ask for. */
export const names: readonly string[] = [
  'pool.Sync',
  'pool.Swap',
  'feed.ReportTransmitted',
  'feed.AnswerOutOfRange',
  'quorum.ConfigSet',
  ...chainNames.map((name) => `custom.${name}_${TOLD}.Transfer`),
]
