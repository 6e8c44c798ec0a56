import fc from 'fast-check'
import { expect, it } from 'vitest'
import { TokenBucket } from '../../../node/adapters/libp2p/token-bucket.ts'

it('gives a burst at once, then its rate, and no more after a long silence', () => {
  const bucket = new TokenBucket({ ratePerSecond: 2, burst: 3 }, 0)
  const taken = (nowMs: number) => {
    let count = 0
    while (bucket.take(1, nowMs)) count++
    return count
  }
  expect(taken(0)).toBe(3)
  expect(taken(400)).toBe(0)
  expect(taken(500)).toBe(1)
  expect(taken(2_000)).toBe(3)
  expect(taken(1_000_000)).toBe(3)
})

it('takes all of what is asked or nothing', () => {
  const bucket = new TokenBucket({ ratePerSecond: 1, burst: 10 }, 0)
  expect(bucket.take(8, 0)).toBe(true)
  expect(bucket.take(3, 0)).toBe(false)
  expect(bucket.take(2, 0)).toBe(true)
  expect(bucket.take(11, 1_000_000)).toBe(false)
})

it('never gives more than its burst and its rate over any time', () => {
  const step = fc.record({ waitMs: fc.nat(2_000), tokens: fc.integer({ min: 1, max: 8 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const bucket = new TokenBucket({ ratePerSecond: 5, burst: 20 }, 0)
      let now = 0
      let given = 0
      for (const { waitMs, tokens } of steps) {
        now += waitMs
        if (bucket.take(tokens, now)) given += tokens
        expect(given).toBeLessThanOrEqual(20 + (now / 1_000) * 5 + 1e-6)
      }
    }),
  )
})
