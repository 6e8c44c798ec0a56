import { expect, it } from 'vitest'
import { Pace } from '../../../node/adapters/libp2p/pace.ts'

it('lets a burst through at once, and from then on what the rate gives', () => {
  let nowMs = 5_000
  const clock = { now: () => nowMs, monotonic: () => nowMs, setTimer: () => ({ cancel: () => {} }) }
  const pace = new Pace({ bytesPerSecond: 1_000, burst: 2_000 }, { clock })
  expect([pace.delayFor(1_500), pace.delayFor(500), pace.delayFor(100), pace.delayFor(400)]).toEqual([
    0, 0, 100, 500,
  ])
  nowMs += 500
  expect(pace.delayFor(1_000)).toBe(1_000)
  // A long silence saves no more than a burst.
  nowMs += 3_600_000
  expect([pace.delayFor(2_000), pace.delayFor(1)]).toEqual([0, 1])
})
