import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Channel, channelOf } from '../../../node/adapters/libp2p/channel.ts'
import { frameOverhead } from '../../../node/adapters/libp2p/frame.ts'
import { SendQueue } from '../../../node/adapters/libp2p/send-queue.ts'
import type { MessageClass } from '../../../node/ports/network.ts'
import { messageClass } from '../../fakes/message-class.ts'
import { keyOfSeed, peerIdOf, seedOf } from './kit.ts'

/** Votes keep their place; bulk gives way. Class by index. */
const VOTE = 0
const BULK = 1
const small = { maxBytes: 10, queueMessages: 2, queueBytes: 20 }
const CLASSES = [
  messageClass({ name: 'vote', header: [0], ...small }),
  messageClass({ name: 'bulk', header: [1], droppable: true, ...small }),
]

function channel(name: string, classes: readonly MessageClass[] = CLASSES): Channel {
  const peers = [keyOfSeed(seedOf(0)), keyOfSeed(seedOf(1))]
  return channelOf({ channel: name, peers, self: 0, classes, onMessage: () => {} }, peerIdOf(seedOf(0)))
}
const a = channel('a')
const b = channel('b')
const OVERHEAD = frameOverhead(a.bytes)

function queueOf(commonFrames: number, commonBytes = 1_000_000) {
  const drops: string[] = []
  const onDrop = (reason: string, className: string) => void drops.push(`${className} ${reason}`)
  return { queue: new SendQueue({ commonFrames, commonBytes, onDrop }), drops }
}

const all = (): boolean => true
const message = (tag: number, size = 1): Uint8Array => new Uint8Array(size).fill(tag)

function drain(queue: SendQueue, ready: (channel: string) => boolean = all, since = 0): number[] {
  const tags: number[] = []
  for (let next = queue.take(ready, since); next !== null; next = queue.take(ready, since))
    tags.push(next.at(-1) ?? -1)
  return tags
}

describe('SendQueue', () => {
  it('lets the oldest bulk beyond its share go for a vote, however old the votes are', () => {
    const { queue, drops } = queueOf(2)
    for (let n = 0; n < 3; n++) queue.push(a, VOTE, message(n), 0)
    for (let n = 10; n < 13; n++) queue.push(a, BULK, message(n), 0)
    expect(drops).toEqual([])
    queue.push(a, VOTE, message(3), 0)
    expect(drops).toEqual(['bulk queue_full'])
    expect(drain(queue)).toEqual([0, 1, 2, 11, 12, 3])
  })

  it('drops the oldest of the class itself when nothing droppable is beyond its share', () => {
    const { queue, drops } = queueOf(1)
    queue.push(a, BULK, message(10), 0)
    queue.push(a, BULK, message(11), 0)
    for (let n = 0; n < 5; n++) queue.push(a, VOTE, message(n), 0)
    expect(drops).toEqual(['vote queue_full', 'vote queue_full'])
    expect(drain(queue)).toEqual([10, 11, 2, 3, 4])
  })

  it('keeps the share of a class that others would fill, on every channel', () => {
    const { queue, drops } = queueOf(3)
    for (let n = 0; n < 50; n++) queue.push(a, VOTE, message(n), 0)
    queue.push(a, BULK, message(60), 0)
    queue.push(b, BULK, message(61), 0)
    queue.push(b, VOTE, message(62), 0)
    expect(drops).toHaveLength(45)
    expect(drain(queue)).toEqual([45, 46, 47, 48, 49, 60, 61, 62])
  })

  it('bounds bytes like frames', () => {
    const room = 10 + OVERHEAD
    const { queue, drops } = queueOf(100, room)
    // Two fit the share, one the common room.
    for (let n = 0; n < 4; n++) queue.push(a, BULK, message(n, 10), 0)
    expect(drops).toEqual(['bulk queue_full'])
    expect(queue.bytes).toBe(3 * (10 + OVERHEAD))
    for (let n = 10; n < 13; n++) queue.push(a, VOTE, message(n, 10), 0)
    expect(drain(queue)).toEqual([2, 3, 10, 11, 12])
  })

  it('does not queue the same message twice, and a repeat keeps its place', () => {
    const c = channel('c', [messageClass({ supersedes: 'same' })])
    const { queue, drops } = queueOf(10)
    for (const n of [1, 2, 1, 3]) queue.push(c, 0, message(n), n === 3 ? 30 : 10)
    queue.push(c, 0, message(2), 30)
    expect(drops).toEqual(['any superseded', 'any superseded'])
    // Said again it is fresh, and goes before what came between.
    expect(drain(queue, all, 20)).toEqual([2, 3])
  })

  it('keeps the last message alone where it says all', () => {
    const wish = messageClass({ name: 'wish', header: [7], supersedes: 'older' })
    const c = channel('c', [wish, messageClass({ header: [1] })])
    const { queue, drops } = queueOf(10)
    queue.push(c, 0, message(1), 0)
    queue.push(c, 1, message(5), 0)
    queue.push(c, 0, message(2), 0)
    queue.push(c, 1, message(6), 0)
    queue.push(c, 0, message(2), 0)
    expect(drops).toEqual(['wish superseded', 'wish superseded'])
    expect(drain(queue)).toEqual([5, 2, 6])
  })

  it('keeps the order over channels and passes by those that are not ready', () => {
    const { queue } = queueOf(10)
    for (const [n, each] of [a, b, a, b].entries()) queue.push(each, VOTE, message(n), 0)
    expect(drain(queue, (name) => name === 'b')).toEqual([1, 3])
    expect(drain(queue)).toEqual([0, 2])
  })

  it('drops expired frames when it is read', () => {
    const { queue, drops } = queueOf(10)
    queue.push(a, VOTE, message(1), 10)
    queue.push(a, BULK, message(2), 20)
    expect(drain(queue, all, 15)).toEqual([2])
    expect(drops).toEqual(['vote expired'])
  })

  it('forgets a channel', () => {
    const { queue, drops } = queueOf(10)
    queue.push(a, VOTE, message(1), 0)
    queue.push(b, VOTE, message(2), 0)
    queue.drop('a')
    expect(drops).toEqual(['vote closed'])
    expect(drain(queue)).toEqual([2])
  })

  it('never exceeds its bounds, never loses count or order', () => {
    const push = fc.record({
      channel: fc.constantFrom(a, b),
      index: fc.constantFrom(VOTE, BULK),
      size: fc.integer({ min: 1, max: 10 }),
    })
    fc.assert(
      fc.property(fc.array(fc.oneof(push, fc.constant(null)), { maxLength: 200 }), (steps) => {
        const { queue, drops } = queueOf(4, 60)
        let pushed = 0
        let taken = 0
        let last = -1
        for (const step of steps) {
          if (step === null) {
            const frame = queue.take(all, 0)
            if (frame === null) continue
            taken += 1
            const tag = frame.at(-1) ?? -1
            expect(tag).toBeGreaterThan(last)
            last = tag
            continue
          }
          const before = drops.length
          queue.push(step.channel, step.index, message(pushed, step.size), 0)
          pushed += 1
          for (const drop of drops.slice(before)) expect(drop).toContain('queue_full')
          // 4 lanes of 2 frames and 20 bytes, and what they have in common.
          expect(queue.frames).toBeLessThanOrEqual(4 * 2 + 4)
          expect(queue.bytes).toBeLessThanOrEqual(4 * (20 + 2 * OVERHEAD) + 60)
          expect(queue.frames).toBe(pushed - taken - drops.length)
        }
        drain(queue)
        expect(queue.frames).toBe(0)
        expect(queue.bytes).toBe(0)
      }),
    )
  })
})
