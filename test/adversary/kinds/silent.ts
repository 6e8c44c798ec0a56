import type { Adversary } from '../puppet.ts'

const LEADERS = new Set(['epoch-start', 'round-start', 'idle', 'proposal'])

/** Says nothing while it leads: its epochs cost the others DeltaInitial. */
export const silent: Adversary = () => ({
  outgoing: (message) => (LEADERS.has(message.kind) ? [] : [message]),
})
