import type { FeedQuery, Pin } from '../feed-types.ts'

/**
 * The pins of chains that go on: those at most `maxLagSeconds` behind the newest pin. Computed from the pins alone, so
 * every validator leaves out the same chains.
 */
export function livePins(query: FeedQuery, maxLagSeconds: number): readonly Pin[] {
  const newest = Math.max(...query.pins.map((pin) => pin.timestamp))
  return query.pins.filter((pin) => newest - pin.timestamp <= maxLagSeconds)
}
