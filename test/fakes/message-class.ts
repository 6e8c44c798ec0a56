import type { MessageClass } from '../../node/ports/network.ts'

/** A class that holds every message and bounds nothing but its size, unless told otherwise. */
export function messageClass(change: Partial<MessageClass> = {}): MessageClass {
  const maxBytes = change.maxBytes ?? 1024
  return {
    name: 'any',
    header: [],
    maxBytes,
    queueMessages: 1024,
    queueBytes: Math.max(maxBytes, 1024 * 1024),
    droppable: false,
    supersedes: 'none',
    ratePerSecond: 1_000_000,
    burst: 1_000_000,
    ...change,
  }
}
