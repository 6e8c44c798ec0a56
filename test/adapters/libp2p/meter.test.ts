import { describe, expect, it } from 'vitest'
import { type Channel, channelOf } from '../../../node/adapters/libp2p/channel.ts'
import { instruments } from '../../../node/adapters/libp2p/instruments.ts'
import { PeerMeter } from '../../../node/adapters/libp2p/meter.ts'
import { messageClass } from '../../fakes/message-class.ts'
import { keyOfSeed, peerIdOf, seedOf, TestMetrics } from './kit.ts'

const MIB = 1024 * 1024
const VOTE = Uint8Array.of(1)
const BULK = Uint8Array.of(2)

function channel(name = 'a'): Channel {
  const classes = [
    messageClass({ name: 'vote', header: [1], maxBytes: 100, ratePerSecond: 10, burst: 20 }),
    messageClass({ name: 'bulk', header: [2], maxBytes: 16 * MIB }),
  ]
  const peers = [keyOfSeed(seedOf(0)), keyOfSeed(seedOf(1))]
  return channelOf({ channel: name, peers, self: 0, classes, onMessage: () => {} }, peerIdOf(seedOf(0)))
}

function meterOf() {
  const metrics = new TestMetrics()
  const clock = { now: 0 }
  const meter = new PeerMeter(
    { peer: 'p' },
    { instruments: instruments(metrics), monotonic: () => clock.now },
  )
  const overQuota = (name: string) =>
    metrics.sum('iyi_net_frames_over_quota_total', { peer: 'p', class: name })
  return { meter, clock, metrics, overQuota }
}

/** What becomes of that many alike. */
function verdicts(count: number, admit: () => string | null): Record<string, number> {
  const seen: Record<string, number> = {}
  for (let n = 0; n < count; n++) {
    const verdict = String(admit())
    seen[verdict] = (seen[verdict] ?? 0) + 1
  }
  return seen
}

describe('PeerMeter', () => {
  it('takes a burst and then the rate of a class; what is above is skipped and counted', () => {
    const { meter, clock, overQuota } = meterOf()
    const rules = meter.rules(channel())
    expect(verdicts(30, () => rules.admit(VOTE, 50))).toEqual({ take: 20, skip: 10 })
    expect(overQuota('vote')).toBe(10)
    clock.now = 500
    expect(verdicts(6, () => rules.admit(VOTE, 50))).toEqual({ take: 5, skip: 1 })
    expect(verdicts(30, () => rules.admit(BULK, 50))).toEqual({ take: 30 })
    expect(overQuota('bulk')).toBe(0)
  })

  it('calls a peer that goes on flooding, and not one that is a little too fast now and then', () => {
    const { meter, clock } = meterOf()
    const rules = meter.rules(channel())
    expect(verdicts(20 + 256 + 1, () => rules.admit(VOTE, 50))).toEqual({ take: 20, skip: 256, flooding: 1 })
    const slow = meterOf()
    const slowRules = slow.meter.rules(channel())
    for (let second = 0; second < 600; second++) {
      slow.clock.now = second * 1_000
      expect(verdicts(13, () => slowRules.admit(VOTE, 50)).flooding ?? 0).toBe(0)
    }
    clock.now = 100_000
    expect(rules.admit(VOTE, 50)).toBe('take')
  })

  it('loses patience sooner where what is too much is large', () => {
    const { meter } = meterOf()
    const rules = meter.rules(channel())
    const seen = verdicts(40, () => rules.admit(BULK, 16 * MIB))
    // 256 MiB at once; what is above counts by its size.
    expect(seen).toEqual({ take: 16, skip: 1, flooding: 23 })
  })

  it('lets no quota be had twice: neither over channels, nor by opening streams and connections', () => {
    const { meter } = meterOf()
    const a = channel('a')
    verdicts(20, () => meter.rules(a).admit(VOTE, 50))
    expect(meter.rules(a).admit(VOTE, 50)).toBe('skip')
    expect(meter.rules(channel('b')).admit(VOTE, 50)).toBe('take')
    expect(verdicts(33, () => meter.stream())).toEqual({ null: 32, flooding: 1 })
    expect(verdicts(33, () => meter.connection())).toEqual({ null: 32, flooding: 1 })
    expect(verdicts(1_025, () => meter.announcement())).toEqual({ null: 1_024, flooding: 1 })
  })

  it('holds each class to its size, and takes nothing of what has no class', () => {
    const { meter, overQuota } = meterOf()
    const rules = meter.rules(channel())
    expect(rules.maxBytes).toBe(16 * MIB)
    expect(rules.admit(VOTE, 100)).toBe('take')
    expect(rules.admit(VOTE, 101)).toBe('oversized')
    expect(rules.admit(Uint8Array.of(3), 100)).toBe('skip')
    expect(rules.admit(new Uint8Array(0), 0)).toBe('skip')
    expect(overQuota('unknown')).toBe(2)
  })

  it('bounds what is sent to channels that are not open', () => {
    const { meter, metrics } = meterOf()
    const rules = meter.rules(null)
    expect(verdicts(10_001, () => rules.admit(new Uint8Array(0), 10))).toEqual({ skip: 10_000, flooding: 1 })
    expect(metrics.sum('iyi_net_frames_skipped_total')).toBe(10_001)
    const large = meterOf().meter.rules(null)
    expect(verdicts(5, () => large.admit(new Uint8Array(0), 16 * MIB))).toEqual({ skip: 4, flooding: 1 })
  })
})
