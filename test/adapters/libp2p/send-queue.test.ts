import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DropReason, SendQueue } from '../../../node/adapters/libp2p/send-queue.ts'

function queueOf(maxFrames: number, maxBytes: number) {
  const drops: DropReason[] = []
  return { queue: new SendQueue({ maxFrames, maxBytes, onDrop: (reason) => drops.push(reason) }), drops }
}

const all = (): boolean => true
const frame = (tag: number, size = 1): Uint8Array => new Uint8Array(size).fill(tag)

function drain(queue: SendQueue, ready: (channel: string) => boolean = all): number[] {
  const tags: number[] = []
  for (let next = queue.take(ready, 0); next !== null; next = queue.take(ready, 0)) tags.push(next[0] ?? -1)
  return tags
}

describe('SendQueue', () => {
  it('drops the oldest frame when it holds too many', () => {
    const { queue, drops } = queueOf(3, 1_000)
    for (let n = 0; n < 5; n++) queue.push('a', frame(n), 0)
    expect(drops).toEqual(['queue_full', 'queue_full'])
    expect(drain(queue)).toEqual([2, 3, 4])
  })

  it('drops as many of the oldest frames as a large one needs', () => {
    const { queue, drops } = queueOf(10, 10)
    for (let n = 0; n < 4; n++) queue.push('a', frame(n, 3), 0)
    queue.push('a', frame(9, 10), 0)
    expect(drops).toEqual(['queue_full', 'queue_full', 'queue_full', 'queue_full'])
    expect(drain(queue)).toEqual([9])
    queue.push('a', frame(8, 11), 0)
    expect(drops.at(-1)).toBe('oversized')
  })

  it('keeps the order over channels and passes by those that are not ready', () => {
    const { queue } = queueOf(10, 100)
    for (const [n, channel] of ['a', 'b', 'a', 'b'].entries()) queue.push(channel, frame(n), 0)
    expect(drain(queue, (channel) => channel === 'b')).toEqual([1, 3])
    expect(drain(queue)).toEqual([0, 2])
  })

  it('drops expired frames when it is read', () => {
    const { queue, drops } = queueOf(10, 100)
    queue.push('a', frame(1), 10)
    queue.push('a', frame(2), 20)
    expect(queue.take(all, 15)).toEqual(frame(2))
    expect(drops).toEqual(['expired'])
  })

  it('forgets a channel', () => {
    const { queue, drops } = queueOf(10, 100)
    queue.push('a', frame(1), 0)
    queue.push('b', frame(2), 0)
    queue.drop('a')
    expect(drops).toEqual(['closed'])
    expect(drain(queue)).toEqual([2])
  })

  it('never exceeds its bounds and never loses count', () => {
    const push = fc.record({ channel: fc.constantFrom('a', 'b', 'c'), size: fc.integer({ min: 0, max: 40 }) })
    fc.assert(
      fc.property(fc.array(fc.oneof(push, fc.constant(null)), { maxLength: 200 }), (steps) => {
        const { queue, drops } = queueOf(8, 100)
        let pushed = 0
        let taken = 0
        for (const step of steps) {
          if (step === null) taken += queue.take(all, 0) === null ? 0 : 1
          else {
            queue.push(step.channel, new Uint8Array(step.size), 0)
            pushed += 1
          }
          expect(queue.frames).toBeLessThanOrEqual(8)
          expect(queue.bytes).toBeLessThanOrEqual(100)
          expect(queue.frames).toBe(pushed - taken - drops.length)
        }
      }),
    )
  })
})
