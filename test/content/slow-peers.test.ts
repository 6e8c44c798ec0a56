import { describe, expect, it, vi } from 'vitest'
import { type ContentPart, type ContentQuestion, PART_BYTES } from '../../node/ports/content.ts'
import { peerIdOf, seedOf, until } from '../adapters/libp2p/kit.ts'
import { bytesFor, connected, honest, member, partsWithProofs, scripted, sha256 } from './kit.ts'

// Real sockets and files: a loaded machine may take its time.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const wanted = { maxBytes: 2 ** 26, keepMs: 3_600_000 }
/** A good peer gives dozens of parts in it. */
const windowMs = 400
/** A dripping one gives one, so it would take `parts` times as long. */
const dripMs = 350

/** Gives all that an honest peer gives, one part after a while. */
function dripping(parts: readonly ContentPart[]) {
  const truthful = honest(parts)
  let last: Promise<void> = Promise.resolve()
  return (question: ContentQuestion) => {
    last = last.then(() => new Promise((resolve) => setTimeout(resolve, dripMs)))
    return last.then(() => truthful(question))
  }
}

const indices = (asked: readonly ContentQuestion[]) =>
  asked.flatMap((question) => (question.kind === 'part' && question.index !== 'last' ? [question.index] : []))
const left = (of: Awaited<ReturnType<typeof member>>, n: number) =>
  of.metrics.sum('iyi_content_peers_left_total', { peer: peerIdOf(seedOf(n)) })

describe('a peer that drips', () => {
  it('is left for another one that goes on where it was, and asked last for a while', async () => {
    const a = await member(0, { windowMs })
    const content = bytesFor('some', 40 * PART_BYTES)
    const parts = await partsWithProofs(content)
    const slow = await scripted(1, a, dripping(parts))
    // The kit asks whoever is connected first.
    await connected(a, 1)
    const other = bytesFor('other', 3 * PART_BYTES)
    const both = [honest(parts), honest(await partsWithProofs(other))] as const
    const good = await scripted(2, a, async (question) => {
      const [one, two] = await Promise.all(both.map((give) => give(question)))
      const isOther = question.kind === 'part' && question.hash === sha256(other)
      return (isOther ? two : one) ?? { kind: 'absent' }
    })
    await connected(a, 2)
    expect(sha256(await a.contents.fetch(sha256(content), wanted))).toBe(sha256(content))
    // What came stays: the good one is asked for the rest alone.
    const [first = 0] = indices(good.asked)
    expect(first).toBeLessThan(39)
    expect(indices(good.asked)).toEqual(Array.from({ length: first + 1 }, (_, i) => first - i))
    expect(slow.asked.length).toBeLessThan(10)
    expect(left(a, 1)).toBe(1)
    // It may be asked: it is no liar, and it did answer.
    expect(a.metrics.sum('iyi_content_peers_aside_total')).toBe(0)

    const before = slow.asked.length
    expect(sha256(await a.contents.fetch(sha256(other), wanted))).toBe(sha256(other))
    expect(slow.asked).toHaveLength(before)
  })

  it('that never ends its first part is left, too', async () => {
    const a = await member(0, { windowMs })
    const content = bytesFor('some', PART_BYTES)
    const parts = await partsWithProofs(content)
    await scripted(1, a, () => new Promise(() => {}))
    await connected(a, 1)
    await scripted(2, a, honest(parts))
    await connected(a, 2)
    expect(sha256(await a.contents.fetch(sha256(content), wanted))).toBe(sha256(content))
    expect(left(a, 1)).toBe(1)
  })

  it('gives all of it where nobody else has it', async () => {
    const a = await member(0, { windowMs })
    const content = bytesFor('some', 6 * PART_BYTES)
    const slow = await scripted(1, a, dripping(await partsWithProofs(content)))
    await connected(a, 1)
    const without = await scripted(2, a, async () => ({ kind: 'absent' }))
    await connected(a, 2)
    expect(sha256(await a.contents.fetch(sha256(content), wanted))).toBe(sha256(content))
    expect(new Set(indices(slow.asked))).toEqual(new Set([0, 1, 2, 3, 4]))
    // Once, for this part and the next.
    expect(without.asked.length).toBeLessThanOrEqual(2)
    expect(a.metrics.sum('iyi_content_peers_aside_total')).toBe(0)
  })

  it('is left for one that connects in the middle', async () => {
    const a = await member(0, { windowMs })
    const content = bytesFor('some', 40 * PART_BYTES)
    const parts = await partsWithProofs(content)
    const slow = await scripted(1, a, dripping(parts))
    await connected(a, 1)
    const comes = a.contents.fetch(sha256(content), wanted)
    await until('it drips', () => slow.asked.length > 3)
    const good = await scripted(2, a, honest(parts))
    expect(sha256(await comes)).toBe(sha256(content))
    expect(indices(good.asked).length).toBeGreaterThan(20)
  })

  it('is left for one that has it later', async () => {
    const a = await member(0, { windowMs: 100 })
    const content = bytesFor('some', 40 * PART_BYTES)
    const parts = await partsWithProofs(content)
    await scripted(1, a, dripping(parts))
    await connected(a, 1)
    const truthful = honest(parts)
    const later = await scripted(2, a, async (question, asked) =>
      asked === 1 ? { kind: 'absent' } : truthful(question),
    )
    await connected(a, 2)
    expect(sha256(await a.contents.fetch(sha256(content), wanted))).toBe(sha256(content))
    expect(indices(later.asked).length).toBeGreaterThan(20)
  })
})
