// Loaded by the tortured node too: no more than names.

/** Which of a chain's tokens has its events in the event log. */
export const TOLD = 2

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
