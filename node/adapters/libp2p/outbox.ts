import type { Stream } from '@libp2p/interface'
import type { Channel } from './channel.ts'
import { encodeFrame } from './frame.ts'
import type { Instruments } from './instruments.ts'
import { type DropReason, SendQueue } from './send-queue.ts'

/** Frames of one tick travel together: fewer encryptions and writes. */
const BATCH_BYTES = 64 * 1024
/** A consensus message older than this is worth nothing to its receiver. */
const EXPIRY_MS = 30_000

/** The sending half of a link: a bounded queue drained into the peer's stream as fast as the stream takes it. */
export class Outbox {
  readonly #peer: string
  readonly #queue: SendQueue
  readonly #instruments: Instruments
  readonly #monotonic: () => number
  readonly #ready: (channel: string) => boolean
  /** Channel announcements that the peer has not been told yet; they go before everything else. */
  readonly #announcements = new Map<string, Uint8Array>()
  #stream: Stream | null = null
  #scheduled = false

  constructor(
    options: { readonly peer: string; readonly commonFrames: number; readonly commonBytes: number },
    modules: {
      readonly instruments: Instruments
      readonly monotonic: () => number
      /** True when the peer has joined the channel: what is sent before would be skipped over there. */
      readonly ready: (channel: string) => boolean
    },
  ) {
    this.#peer = options.peer
    this.#instruments = modules.instruments
    this.#monotonic = modules.monotonic
    this.#ready = modules.ready
    this.#queue = new SendQueue({
      commonFrames: options.commonFrames,
      commonBytes: options.commonBytes,
      onDrop: (reason, className) => this.countDrop(reason, className),
    })
  }

  get attached(): boolean {
    return this.#stream !== null
  }

  /** Sends over this stream from now on; the caller watches for its end. */
  attach(stream: Stream, announcements: ReadonlyMap<string, Uint8Array>): void {
    this.#stream = stream
    this.#announcements.clear()
    for (const [channel, frame] of announcements) this.#announcements.set(channel, frame)
    // The stream flushes its own buffer in a microtask queued by an earlier 'drain' listener; ours comes after it.
    stream.addEventListener('drain', () => this.wake())
    this.wake()
  }

  detach(): void {
    this.#stream = null
    this.#announcements.clear()
  }

  announce(kind: 'join' | 'leave', channel: string, name: Uint8Array): void {
    if (kind === 'leave') this.#queue.drop(channel)
    this.#instruments.queueBytes.set(this.#queue.bytes, { peer: this.#peer })
    if (this.#stream === null) return
    this.#announcements.set(channel, encodeFrame(kind, name))
    this.wake()
  }

  /** Queues a message of the class at `index` of its channel. */
  send(channel: Channel, index: number, message: Uint8Array): void {
    this.#queue.push(channel, index, message, this.#monotonic())
    if (this.#stream === null) this.#instruments.queueBytes.set(this.#queue.bytes, { peer: this.#peer })
    else this.wake()
  }

  countDrop(reason: DropReason, className: string): void {
    this.#instruments.framesDropped.inc({ peer: this.#peer, class: className, reason })
  }

  /** Drains at the end of this tick, so that messages sent in a row share one write. */
  wake(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#drain()
    })
  }

  #drain(): void {
    for (;;) {
      const stream = this.#stream
      if (stream === null || stream.writeStatus !== 'writable' || stream.writableNeedsDrain) break
      const { bytes, frames } = this.#batch()
      if (bytes === null) break
      try {
        stream.send(bytes)
      } catch (error) {
        stream.abort(error instanceof Error ? error : new Error('Send failed'))
        break
      }
      this.#instruments.framesSent.inc({ peer: this.#peer }, frames)
      this.#instruments.bytesSent.inc({ peer: this.#peer }, bytes.length)
    }
    this.#instruments.queueBytes.set(this.#queue.bytes, { peer: this.#peer })
  }

  #batch(): { bytes: Uint8Array | null; frames: number } {
    const parts: Uint8Array[] = []
    let size = 0
    for (const frame of this.#announcements.values()) {
      parts.push(frame)
      size += frame.length
    }
    this.#announcements.clear()
    const since = this.#monotonic() - EXPIRY_MS
    let frames = 0
    while (size < BATCH_BYTES) {
      const frame = this.#queue.take(this.#ready, since)
      if (frame === null) break
      parts.push(frame)
      size += frame.length
      frames += 1
    }
    if (parts.length <= 1) return { bytes: parts[0] ?? null, frames }
    const bytes = new Uint8Array(size)
    let at = 0
    for (const part of parts) {
      bytes.set(part, at)
      at += part.length
    }
    return { bytes, frames }
  }
}
