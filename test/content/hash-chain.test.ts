import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Proven, partsOf, provePart, statesOf } from '../../node/content/hash-chain.ts'
import { PART_BYTES } from '../../node/ports/content.ts'
import { bytesFor, partsWithProofs, sha256 } from './kit.ts'

describe('a content proven from its end', () => {
  it('every part of any size, against the hash that the runtime computes', async () => {
    for (const size of [
      0,
      1,
      55,
      56,
      63,
      64,
      65,
      PART_BYTES - 9,
      PART_BYTES,
      PART_BYTES + 1,
      3 * PART_BYTES,
    ]) {
      const content = bytesFor('any', size)
      const parts = await partsWithProofs(content)
      let known: Proven | null = null
      for (const part of parts.toReversed()) {
        known = provePart(sha256(content), known, part)
        expect(known, `${size} bytes`).not.toBeNull()
      }
      expect(known).toMatchObject({ next: -1, size })
      expect(parts).toHaveLength(partsOf(size))
    }
  })

  it('is the hash of all of it', async () => {
    const content = bytesFor('any', 2 * PART_BYTES + 5)
    const { hash } = await statesOf(
      (async function* () {
        yield content.subarray(0, PART_BYTES)
        yield content.subarray(PART_BYTES, 2 * PART_BYTES)
        yield content.subarray(2 * PART_BYTES)
      })(),
    )
    expect(hash).toBe(sha256(content))
  })

  it('nothing that was changed anywhere', async () => {
    const content = bytesFor('any', 2 * PART_BYTES + 100)
    const hash = sha256(content)
    const [first, second, third] = await partsWithProofs(content)
    if (first === undefined || second === undefined || third === undefined) throw new TypeError('three parts')
    const end = provePart(hash, null, third)
    const middle = provePart(hash, end, second)
    const flip = (bytes: Uint8Array, at: number) =>
      bytes.map((byte, i) => (i === at % bytes.length ? byte ^ 1 : byte))
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: -70, max: 70 }), (at, more) => {
        expect(provePart(hash, null, { ...third, bytes: flip(third.bytes, at) })).toBeNull()
        expect(provePart(hash, null, { ...third, before: flip(third.before, at) })).toBeNull()
        if (more !== 0) expect(provePart(hash, null, { ...third, size: third.size + more })).toBeNull()
        expect(provePart(hash, end, { ...second, bytes: flip(second.bytes, at) })).toBeNull()
        expect(provePart(hash, middle, { ...first, before: flip(first.before, at) })).toBeNull()
      }),
      { numRuns: 20 },
    )
    // In another's place.
    expect(provePart(hash, null, second)).toBeNull()
    expect(provePart(hash, end, first)).toBeNull()
    expect(provePart(hash, middle, second)).toBeNull()
    expect(provePart(hash, middle, first)).toMatchObject({ next: -1 })
  })
})
