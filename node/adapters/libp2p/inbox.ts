import type { Stream } from '@libp2p/interface'
import type { Channel } from './channel.ts'
import { FrameDecoder, type FrameFault } from './frame.ts'
import type { Instruments } from './instruments.ts'
import { Intake } from './intake.ts'
import type { PeerMeter } from './meter.ts'

/** Channels that one peer may announce: far above any use, so that announcements cannot fill memory. */
const MAX_JOINED = 256

export type Violation = FrameFault | 'unexpected_data'

/** What the receiving half of a link needs to know about the channels open here. */
export interface ChannelTable {
  /** An open channel of which the sender is a member, or null. */
  shared(channel: string, peer: string): Channel | null
  deliver(channel: string, peer: string, payload: Uint8Array): void
}

/** The receiving half of a link: the peer's newest stream, decoded and delivered as it arrives. */
export class Inbox {
  readonly #peer: string
  readonly #meter: PeerMeter
  readonly #later: (run: () => void) => void
  readonly #channels: ChannelTable
  readonly #instruments: Instruments
  readonly #onViolation: (violation: Violation) => void
  readonly #onJoined: () => void
  #joined = new Set<string>()
  #stream: Stream | null = null
  #intake: Intake | null = null

  constructor(
    options: { readonly peer: string },
    modules: {
      readonly channels: ChannelTable
      readonly instruments: Instruments
      readonly meter: PeerMeter
      /** Runs in the next turn of the event loop. */
      readonly later: (run: () => void) => void
      readonly onViolation: (violation: Violation) => void
      /** The peer joined a channel: what waits for it may go. */
      readonly onJoined: () => void
    },
  ) {
    this.#peer = options.peer
    this.#meter = modules.meter
    this.#later = modules.later
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
    const flood = this.#meter.stream()
    if (flood !== null) {
      stream.abort(new Error('Too many streams'))
      this.#onViolation(flood)
      return
    }
    this.#stream = stream
    const intake = new Intake(stream, {
      decoder: this.#decoder(),
      onFault: (fault) => this.#onViolation(fault),
      later: this.#later,
    })
    this.#intake = intake
    stream.addEventListener('message', (event) => {
      if (this.#stream !== stream) return
      const bytes = event.data instanceof Uint8Array ? event.data : event.data.subarray()
      this.#instruments.bytesReceived.inc({ peer: this.#peer }, bytes.length)
      intake.push(bytes)
    })
    const ended = (): void => {
      if (this.#stream === stream) this.detach(new Error('Peer ended its stream'))
    }
    stream.addEventListener('close', ended)
    stream.addEventListener('remoteCloseWrite', ended)
  }

  detach(reason: Error): void {
    const stream = this.#stream
    this.#stream = null
    this.#intake?.end()
    this.#intake = null
    this.#joined = new Set()
    stream?.abort(reason)
  }

  #decoder(): FrameDecoder {
    return new FrameDecoder({
      rules: (channel) => this.#meter.rules(this.#channels.shared(channel, this.#peer)),
      onAnnouncement: (kind, channel) => {
        if (kind === 'leave') this.#joined.delete(channel)
        else {
          this.#joined.add(channel)
          this.#onJoined()
        }
        return this.#joined.size > MAX_JOINED ? 'too_many_channels' : this.#meter.announcement()
      },
      onData: (channel, payload) => {
        this.#instruments.framesReceived.inc({ peer: this.#peer })
        this.#channels.deliver(channel, this.#peer, payload)
      },
    })
  }
}
