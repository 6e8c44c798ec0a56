import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  channelBytes,
  encodeFrame,
  FrameDecoder,
  type FrameFault,
  type FrameKind,
  MAX_FRAME_BYTES,
} from '../../../node/adapters/libp2p/frame.ts'

type Seen = [FrameKind | 'skipped', string, number]

/** Payloads on channel `unknown` are skipped; elsewhere those that begin with 9 may have 50 bytes, all others `maxBytes`. */
function decode(bytes: Uint8Array, cuts: readonly number[], maxBytes = 1_000, headerBytes = 2) {
  const seen: Seen[] = []
  const payloads: Uint8Array[] = []
  const decoder = new FrameDecoder({
    rules: (channel) => ({
      headerBytes: channel === 'unknown' ? 0 : headerBytes,
      maxBytes: channel === 'unknown' ? MAX_FRAME_BYTES : maxBytes,
      admit: (header, size) => {
        if (channel === 'unknown') {
          seen.push(['skipped', channel, size])
          return 'skip'
        }
        expect(header.length).toBe(Math.min(size, headerBytes))
        if (header[0] === 9 && size > 50) return 'oversized'
        return 'take'
      },
    }),
    onAnnouncement: (kind, channel) => {
      seen.push([kind, channel, 0])
      return channel === 'too much' ? 'flooding' : null
    },
    onData: (channel, payload) => {
      seen.push(['data', channel, payload.length])
      payloads.push(payload)
    },
  })
  let fault: FrameFault | null = null
  let at = 0
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    const end = Math.min(Math.max(cut, at), bytes.length)
    fault = decoder.push(bytes.subarray(at, end))
    at = end
  }
  return { seen, payloads, fault }
}

const name = (text: string): Uint8Array => channelBytes(text) ?? new Uint8Array(0)
const join = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts)

describe('FrameDecoder', () => {
  it('decodes any frames whatever the cuts of the stream', () => {
    const frame = fc.record({
      channel: fc
        .string({ minLength: 1, maxLength: 60, unit: 'grapheme' })
        .filter((s) => name(s).length > 0 && s !== 'unknown'),
      payload: fc.uint8Array({ maxLength: 1_000, max: 8 }),
    })
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.nat(9_000)),
        fc.nat(4),
        (frames, cuts, peek) => {
          const bytes = join(...frames.map((each) => encodeFrame('data', name(each.channel), each.payload)))
          const { seen, payloads, fault } = decode(bytes, cuts, 1_000, peek)
          expect(fault).toBeNull()
          expect(seen).toEqual(frames.map((each) => ['data', each.channel, each.payload.length]))
          expect(payloads).toEqual(frames.map((each) => each.payload))
        },
      ),
    )
  })

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.array(fc.nat(2_000)), (bytes, cuts) => {
        decode(bytes, cuts)
      }),
    )
  })

  it('skips frames of a channel that is not open, and goes on with the next', () => {
    const bytes = join(
      encodeFrame('data', name('unknown'), new Uint8Array(50_000)),
      encodeFrame('data', name('unknown'), new Uint8Array(0)),
      encodeFrame('data', name('a'), new Uint8Array(3)),
    )
    expect(decode(bytes, [10, 20_000]).seen).toEqual([
      ['skipped', 'unknown', 50_000],
      ['skipped', 'unknown', 0],
      ['data', 'a', 3],
    ])
  })

  it('takes join and leave', () => {
    const bytes = join(encodeFrame('join', name('a')), encodeFrame('leave', name('a')))
    expect(decode(bytes, []).seen).toEqual([
      ['join', 'a', 0],
      ['leave', 'a', 0],
    ])
  })

  it('refuses a payload above its channel limit as soon as the head is read', () => {
    const bytes = encodeFrame('data', name('a'), new Uint8Array(1_001)).subarray(0, 7)
    expect(decode(bytes, []).fault).toBe('oversized')
  })

  it('refuses a payload above the limit of its class before it is there', () => {
    const bytes = encodeFrame('data', name('a'), Uint8Array.of(9, ...new Uint8Array(50)))
    expect(decode(bytes.subarray(0, 9), []).fault).toBe('oversized')
    expect(decode(bytes.subarray(0, 8), []).fault).toBeNull()
    expect(
      decode(encodeFrame('data', name('a'), Uint8Array.of(9, ...new Uint8Array(49))), []).fault,
    ).toBeNull()
  })

  it('passes on that an announcement was one too many', () => {
    const bytes = join(encodeFrame('join', name('too much')), encodeFrame('join', name('b')))
    expect(decode(bytes, [])).toMatchObject({ seen: [['join', 'too much', 0]], fault: 'flooding' })
  })

  it('refuses a frame above the absolute limit even on an unknown channel', () => {
    const head = new Uint8Array(6)
    new DataView(head.buffer).setUint32(0, MAX_FRAME_BYTES + 1)
    head[5] = 7
    expect(decode(join(head, name('unknown')), []).fault).toBe('oversized')
  })

  it.each([
    ['an unknown kind', [0, 0, 0, 3, 3, 1, 97]],
    ['an empty channel', [0, 0, 0, 2, 0, 0]],
    ['a length shorter than its own channel', [0, 0, 0, 2, 0, 1, 97]],
    ['a join with a payload', [0, 0, 0, 4, 1, 1, 97, 0]],
    ['a channel that is not UTF-8', [0, 0, 0, 3, 0, 1, 0xff]],
  ])('refuses %s', (_what, bytes) => {
    expect(decode(Uint8Array.from(bytes), []).fault).toBe('malformed')
  })

  it('takes nothing after a fault', () => {
    const bytes = join(Uint8Array.from([0, 0, 0, 2, 0, 0]), encodeFrame('data', name('a'), new Uint8Array(1)))
    expect(decode(bytes, [6]).seen).toEqual([])
  })
})

describe('channelBytes', () => {
  it('takes 1 to 255 bytes', () => {
    expect(channelBytes('')).toBeNull()
    expect(channelBytes('é'.repeat(128))).toBeNull()
    expect(channelBytes('x'.repeat(255))).toHaveLength(255)
  })
})
