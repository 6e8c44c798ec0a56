/**
 * Frames on a quorum stream, big-endian:
 *
 *     u32 length of what follows | u8 kind | u8 channel length (1..255) | channel | payload
 *
 * `join` and `leave` carry no payload. There is one encoding for each frame and every field is bounded. Of a payload a
 * reader sees the first few bytes alone before it is decided whether the rest is held, skipped or a breach: no memory
 * is taken for what is not wanted.
 */
export type FrameKind = 'data' | 'join' | 'leave'

const KINDS: readonly FrameKind[] = ['data', 'join', 'leave']
const LENGTH_BYTES = 4
const PREFIX_BYTES = 6
/** Nothing larger is read, not even to be skipped: four times the largest report of OCR3. */
export const MAX_FRAME_BYTES = 20 * 1024 * 1024
export const MAX_CHANNEL_BYTES = 255

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

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

/** Bytes of a frame beside its payload. */
export function frameOverhead(channel: Uint8Array): number {
  return PREFIX_BYTES + channel.length
}

export type FrameFault = 'malformed' | 'oversized' | 'flooding' | 'too_many_channels'

/** What a sender may say on a channel. */
export interface FrameRules {
  /** Bytes that `admit` wants to see; a shorter payload is shown whole. */
  readonly headerBytes: number
  /** No payload may be larger, whatever its first bytes say. */
  readonly maxBytes: number
  /** Decides on a payload of `size` bytes by its first ones: held and delivered, skipped, or a fault. */
  admit(header: Uint8Array, size: number): 'take' | 'skip' | FrameFault
}

/** What a reader does with the frames it decodes. */
export interface FrameSink {
  rules(channel: string): FrameRules
  /** The fault that the announcement is, or null. */
  onAnnouncement(kind: 'join' | 'leave', channel: string): FrameFault | null
  onData(channel: string, payload: Uint8Array): void
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
  #size = 0
  /** Not null while the first bytes of a payload are read. */
  #rules: FrameRules | null = null
  #header = EMPTY
  /** Not null while the rest of a payload is read. */
  #payload: Uint8Array | null = null
  #filled = 0
  #skip = 0
  #frames = 0
  #fault: FrameFault | null = null

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** Frames begun so far. */
  get frames(): number {
    return this.#frames
  }

  /** Takes the next bytes of the stream. Returns the fault that ends it, or null. */
  push(bytes: Uint8Array): FrameFault | null {
    let at = 0
    while (at < bytes.length && this.#fault === null) {
      if (this.#skip > 0) at += this.#skipFrom(bytes, at)
      else if (this.#payload !== null) at += this.#payloadFrom(bytes, at, this.#payload)
      else if (this.#rules !== null) at += this.#headerFrom(bytes, at, this.#rules)
      else at += this.#headFrom(bytes, at)
    }
    return this.#fault
  }

  #skipFrom(bytes: Uint8Array, at: number): number {
    const taken = Math.min(this.#skip, bytes.length - at)
    this.#skip -= taken
    return taken
  }

  #fill(into: Uint8Array, bytes: Uint8Array, at: number): number {
    const taken = Math.min(into.length - this.#filled, bytes.length - at)
    into.set(bytes.subarray(at, at + taken), this.#filled)
    this.#filled += taken
    return taken
  }

  #headerFrom(bytes: Uint8Array, at: number, rules: FrameRules): number {
    const taken = this.#fill(this.#header, bytes, at)
    if (this.#filled === this.#header.length) this.#decide(rules)
    return taken
  }

  #payloadFrom(bytes: Uint8Array, at: number, payload: Uint8Array): number {
    const taken = this.#fill(payload, bytes, at)
    if (this.#filled === payload.length) {
      this.#payload = null
      this.#sink.onData(this.#channel, payload)
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
    this.#size = this.#length() - 2 - channelLength
    this.#headLength = 0
    this.#frames += 1
    try {
      this.#channel = decoder.decode(this.#head.subarray(PREFIX_BYTES, PREFIX_BYTES + channelLength))
    } catch {
      this.#fault = 'malformed'
      return
    }
    if (this.#kind !== 'data') {
      this.#fault = this.#sink.onAnnouncement(this.#kind, this.#channel)
      return
    }
    const rules = this.#sink.rules(this.#channel)
    if (this.#size > rules.maxBytes) {
      this.#fault = 'oversized'
      return
    }
    this.#header = new Uint8Array(Math.min(this.#size, rules.headerBytes))
    this.#filled = 0
    if (this.#header.length === 0) this.#decide(rules)
    else this.#rules = rules
  }

  #decide(rules: FrameRules): void {
    this.#rules = null
    const header = this.#header
    const verdict = rules.admit(header, this.#size)
    if (verdict === 'skip') {
      this.#skip = this.#size - header.length
      return
    }
    if (verdict !== 'take') {
      this.#fault = verdict
      return
    }
    const payload = new Uint8Array(this.#size)
    payload.set(header)
    if (header.length === this.#size) this.#sink.onData(this.#channel, payload)
    else this.#payload = payload
  }
}
