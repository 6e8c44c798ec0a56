/**
 * Frames on a quorum stream, big-endian:
 *
 *     u32 length of what follows | u8 kind | u8 channel length (1..255) | channel | payload
 *
 * `join` and `leave` carry no payload. There is one encoding for each frame and every field is bounded, so a reader
 * never holds more than the payload limit of the channel that a frame belongs to; frames of channels it does not know
 * are skipped without being held at all.
 */
export type FrameKind = 'data' | 'join' | 'leave'

const KINDS: readonly FrameKind[] = ['data', 'join', 'leave']
const LENGTH_BYTES = 4
const PREFIX_BYTES = 6
/** Nothing larger is read, not even to be skipped: four times the largest report of OCR3. */
export const MAX_FRAME_BYTES = 20 * 1024 * 1024
export const MAX_CHANNEL_BYTES = 255

const encoder = new TextEncoder()

/** Bytes of a channel's name, or null when it is empty or longer than a frame can carry. */
export function channelBytes(channel: string): Uint8Array | null {
  const bytes = encoder.encode(channel)
  return bytes.length >= 1 && bytes.length <= MAX_CHANNEL_BYTES ? bytes : null
}

/** Encodes one frame. `channel` comes from `channelBytes`. */
export function encodeFrame(kind: FrameKind, channel: Uint8Array, payload?: Uint8Array): Uint8Array {
  const size = PREFIX_BYTES + channel.length + (payload?.length ?? 0)
  const frame = new Uint8Array(size)
  new DataView(frame.buffer).setUint32(0, size - LENGTH_BYTES)
  frame[4] = KINDS.indexOf(kind)
  frame[5] = channel.length
  frame.set(channel, PREFIX_BYTES)
  if (payload !== undefined) frame.set(payload, PREFIX_BYTES + channel.length)
  return frame
}

export type FrameFault = 'malformed' | 'oversized'

/** What a reader does with the frames it decodes. */
export interface FrameSink {
  /** Largest payload of this channel from this peer, in bytes; null when the frame is to be skipped. */
  limit(channel: string): number | null
  onFrame(kind: FrameKind, channel: string, payload: Uint8Array): void
  onSkipped(channel: string, bytes: number): void
}

const EMPTY = new Uint8Array(0)

/** Incremental decoder of one stream. After a fault it takes no more bytes: the stream is beyond repair. */
export class FrameDecoder {
  readonly #sink: FrameSink
  /** Length, kind and channel of the frame being read: at most 261 bytes. */
  readonly #head = new Uint8Array(PREFIX_BYTES + MAX_CHANNEL_BYTES)
  #headLength = 0
  #kind: FrameKind = 'data'
  #channel = ''
  /** Null while a head is being read or a payload is skipped. */
  #payload: Uint8Array | null = null
  #filled = 0
  #skip = 0
  #skipped = 0
  #fault: FrameFault | null = null

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** Takes the next bytes of the stream. Returns the fault that ends it, or null. */
  push(bytes: Uint8Array): FrameFault | null {
    let at = 0
    while (at < bytes.length && this.#fault === null) {
      if (this.#skip > 0) at += this.#skipFrom(bytes, at)
      else if (this.#payload !== null) at += this.#fillFrom(bytes, at, this.#payload)
      else at += this.#headFrom(bytes, at)
    }
    return this.#fault
  }

  #skipFrom(bytes: Uint8Array, at: number): number {
    const taken = Math.min(this.#skip, bytes.length - at)
    this.#skip -= taken
    if (this.#skip === 0) this.#sink.onSkipped(this.#channel, this.#skipped)
    return taken
  }

  #fillFrom(bytes: Uint8Array, at: number, payload: Uint8Array): number {
    const taken = Math.min(payload.length - this.#filled, bytes.length - at)
    payload.set(bytes.subarray(at, at + taken), this.#filled)
    this.#filled += taken
    if (this.#filled === payload.length) {
      this.#payload = null
      this.#sink.onFrame(this.#kind, this.#channel, payload)
    }
    return taken
  }

  #headFrom(bytes: Uint8Array, at: number): number {
    const wanted = this.#headLength < PREFIX_BYTES ? PREFIX_BYTES : PREFIX_BYTES + (this.#head[5] ?? 0)
    const taken = Math.min(wanted - this.#headLength, bytes.length - at)
    this.#head.set(bytes.subarray(at, at + taken), this.#headLength)
    this.#headLength += taken
    if (this.#headLength === PREFIX_BYTES) this.#checkPrefix()
    else if (this.#headLength === wanted) this.#begin()
    return taken
  }

  #length(): number {
    return new DataView(this.#head.buffer).getUint32(0)
  }

  #checkPrefix(): void {
    const length = this.#length()
    const channelLength = this.#head[5] ?? 0
    const kind = KINDS[this.#head[4] ?? KINDS.length]
    if (length > MAX_FRAME_BYTES) this.#fault = 'oversized'
    else if (kind === undefined || channelLength === 0 || length < 2 + channelLength)
      this.#fault = 'malformed'
    else if (kind !== 'data' && length !== 2 + channelLength) this.#fault = 'malformed'
    else this.#kind = kind
  }

  #begin(): void {
    const channelLength = this.#head[5] ?? 0
    const size = this.#length() - 2 - channelLength
    this.#headLength = 0
    try {
      this.#channel = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        this.#head.subarray(PREFIX_BYTES, PREFIX_BYTES + channelLength),
      )
    } catch {
      this.#fault = 'malformed'
      return
    }
    if (this.#kind !== 'data') {
      this.#sink.onFrame(this.#kind, this.#channel, EMPTY)
      return
    }
    const limit = this.#sink.limit(this.#channel)
    if (limit === null) {
      this.#skip = size
      this.#skipped = size
      if (size === 0) this.#sink.onSkipped(this.#channel, 0)
    } else if (size > limit) {
      this.#fault = 'oversized'
    } else if (size === 0) {
      this.#sink.onFrame('data', this.#channel, EMPTY)
    } else {
      this.#payload = new Uint8Array(size)
      this.#filled = 0
    }
  }
}
