import type { Stream } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import {
  channelBytes,
  encodeFrame,
  FrameDecoder,
  type FrameFault,
} from '../../../node/adapters/libp2p/frame.ts'
import { Intake } from '../../../node/adapters/libp2p/intake.ts'

const name = channelBytes('a') ?? new Uint8Array()
const MIB = 1024 * 1024

/** A stream as libp2p has it: paused, it keeps what comes, and hands it over when resumed. */
class TestStream {
  readStatus = 'readable'
  held: Uint8Array[] = []
  onData: (bytes: Uint8Array) => void = () => {}

  arrive(bytes: Uint8Array): void {
    this.held.push(bytes)
    if (this.readStatus === 'readable') this.#hand()
  }
  pause(): void {
    this.readStatus = 'paused'
  }
  resume(): void {
    if (this.readStatus === 'closed') throw new Error('closed')
    this.readStatus = 'readable'
    this.#hand()
  }
  #hand(): void {
    const bytes = Buffer.concat(this.held.splice(0))
    if (bytes.length > 0) this.onData(bytes)
  }
}

function intakeOf(maxBytes = 8 * MIB) {
  const stream = new TestStream()
  const sizes: number[] = []
  const faults: FrameFault[] = []
  const turns: (() => void)[] = []
  const decoder = new FrameDecoder({
    rules: () => ({ headerBytes: 0, maxBytes, admit: () => 'take' }),
    onAnnouncement: () => null,
    onData: (_channel, payload) => void sizes.push(payload.length),
  })
  const intake = new Intake(stream as unknown as Stream, {
    decoder,
    onFault: (fault) => void faults.push(fault),
    later: (run) => void turns.push(run),
  })
  stream.onData = (bytes) => intake.push(bytes)
  const turn = () => {
    for (const run of turns.splice(0)) run()
  }
  return { stream, intake, sizes, faults, turn, turns }
}

const frames = (count: number, size = 1) =>
  Buffer.concat(Array.from({ length: count }, () => encodeFrame('data', name, new Uint8Array(size))))

describe('Intake', () => {
  it('decodes at once what comes at an ordinary pace', () => {
    const { stream, sizes, turn } = intakeOf()
    for (let n = 1; n <= 50; n++) {
      stream.arrive(frames(5))
      expect(sizes).toHaveLength(5 * n)
      expect(stream.readStatus).toBe('readable')
      turn()
    }
  })

  it('takes a share of small frames a turn, and holds the peer back until all is decoded', () => {
    const { stream, sizes, turn, turns } = intakeOf()
    stream.arrive(frames(10_000, 150))
    let before = 0
    for (let n = 0; sizes.length < 10_000; n++) {
      // A slice too many at most.
      expect(sizes.length - before).toBeLessThan(64 + 4096 / 150)
      expect(sizes.length - before).toBeGreaterThan(0)
      expect(stream.readStatus).toBe('paused')
      before = sizes.length
      turn()
      expect(n).toBeLessThan(200)
    }
    turn()
    expect(stream.readStatus).toBe('readable')
    expect(turns).toEqual([])
  })

  it('takes a share of large frames by their bytes', () => {
    const { stream, sizes, turn } = intakeOf()
    stream.arrive(frames(4, 2 * MIB))
    expect(sizes).toHaveLength(0)
    for (let n = 0; n < 3; n++) turn()
    expect(sizes.length).toBeGreaterThan(0)
    expect(sizes.length).toBeLessThan(3)
    for (let n = 0; n < 9; n++) turn()
    expect(sizes).toEqual(new Array(4).fill(2 * MIB))
    expect(stream.readStatus).toBe('readable')
  })

  it('goes on with what came while it was paused', () => {
    const { stream, sizes, turn } = intakeOf()
    stream.arrive(frames(100, 150))
    stream.arrive(frames(1_000, 150))
    expect(stream.held.length).toBeGreaterThan(0)
    for (let n = 0; n < 30; n++) turn()
    expect(sizes).toHaveLength(1_100)
    expect(stream.readStatus).toBe('readable')
  })

  it('stops at a fault and when it is ended, whatever still waits', () => {
    const bad = intakeOf(10)
    bad.stream.arrive(Buffer.concat([frames(1), frames(1, 11), frames(5)]))
    expect(bad.faults).toEqual(['oversized'])
    bad.turn()
    expect(bad.sizes).toEqual([1])

    const ended = intakeOf()
    ended.stream.arrive(frames(1_000, 150))
    const count = ended.sizes.length
    ended.intake.end()
    ended.turn()
    expect(ended.sizes).toHaveLength(count)
  })

  it('survives a stream that closed while it was paused', () => {
    const { stream, sizes, turn } = intakeOf()
    stream.arrive(frames(100, 150))
    stream.resume = () => {
      throw new Error('closed')
    }
    for (let n = 0; n < 5; n++) turn()
    expect(sizes).toHaveLength(100)
  })
})
