import type { Stream } from '@libp2p/interface'
import { FrameDecoder, type FrameFault } from './frame.ts'
import type { Instruments } from './instruments.ts'

/** Channels that one peer may announce: far above any use, so that announcements cannot fill memory. */
const MAX_JOINED = 256

export type Violation = FrameFault | 'too_many_channels' | 'unexpected_data'

/** What the receiving half of a link needs to know about the channels open here. */
export interface ChannelTable {
  /** Payload limit of a channel for this sender; null when the channel is not open for it. */
  limit(channel: string, peer: string): number | null
  deliver(channel: string, peer: string, payload: Uint8Array): void
}

/** The receiving half of a link: the peer's newest stream, decoded and delivered as it arrives. */
export class Inbox {
  readonly #peer: string
  readonly #channels: ChannelTable
  readonly #instruments: Instruments
  readonly #onViolation: (violation: Violation) => void
  readonly #onJoined: () => void
  #joined = new Set<string>()
  #stream: Stream | null = null

  constructor(
    options: { readonly peer: string },
    modules: {
      readonly channels: ChannelTable
      readonly instruments: Instruments
      readonly onViolation: (violation: Violation) => void
      /** The peer joined a channel: what waits for it may go. */
      readonly onJoined: () => void
    },
  ) {
    this.#peer = options.peer
    this.#channels = modules.channels
    this.#instruments = modules.instruments
    this.#onViolation = modules.onViolation
    this.#onJoined = modules.onJoined
  }

  /** True when the peer has this channel open and its stream to us is up. */
  joined(channel: string): boolean {
    return this.#joined.has(channel)
  }

  /** Reads from this stream; an earlier one of the same peer is given up. */
  attach(stream: Stream): void {
    this.detach(new Error('Replaced by a newer stream'))
    this.#stream = stream
    const decoder = this.#decoder()
    stream.addEventListener('message', (event) => {
      if (this.#stream !== stream) return
      const bytes = event.data instanceof Uint8Array ? event.data : event.data.subarray()
      this.#instruments.bytesReceived.inc({ peer: this.#peer }, bytes.length)
      const fault = decoder.push(bytes)
      if (fault !== null) this.#onViolation(fault)
      else if (this.#joined.size > MAX_JOINED) this.#onViolation('too_many_channels')
    })
    const ended = (): void => {
      if (this.#stream !== stream) return
      this.#stream = null
      this.#joined = new Set()
      stream.abort(new Error('Peer ended its stream'))
    }
    stream.addEventListener('close', ended)
    stream.addEventListener('remoteCloseWrite', ended)
  }

  detach(reason: Error): void {
    const stream = this.#stream
    this.#stream = null
    this.#joined = new Set()
    stream?.abort(reason)
  }

  #decoder(): FrameDecoder {
    return new FrameDecoder({
      limit: (channel) => this.#channels.limit(channel, this.#peer),
      onSkipped: () => this.#instruments.framesSkipped.inc({ peer: this.#peer }),
      onFrame: (kind, channel, payload) => {
        if (kind === 'leave') this.#joined.delete(channel)
        else if (kind === 'join') {
          this.#joined.add(channel)
          this.#onJoined()
        } else {
          this.#instruments.framesReceived.inc({ peer: this.#peer })
          this.#channels.deliver(channel, this.#peer, payload)
        }
      },
    })
  }
}
