import { type Channel, classOf } from './channel.ts'
import { type FrameFault, type FrameRules, MAX_FRAME_BYTES } from './frame.ts'
import type { Instruments } from './instruments.ts'
import { TokenBucket } from './token-bucket.ts'

const MIB = 1024 * 1024

/** All that a peer may send, classes aside: far above what a quorum's largest rounds need, and what a core can decrypt. */
const ALL_BYTES = { ratePerSecond: 64 * MIB, burst: 256 * MIB }
/** For channels that are not open here: what was under way when one was closed, no more. */
const SKIPPED_BYTES = { ratePerSecond: MIB, burst: 64 * MIB }
const SKIPPED_FRAMES = { ratePerSecond: 10, burst: 10_000 }
/** Channels open and close with configurations. */
const ANNOUNCEMENTS = { ratePerSecond: 1, burst: 1_024 }
/** Connections, and streams that replace one another: more than a peer needs that loses both every other second. */
const ARRIVALS = { ratePerSecond: 1, burst: 32 }
/** What a peer may send above its quotas before it is shut out: so many messages, or so many times 64 KiB. */
const PATIENCE = { ratePerSecond: 4, burst: 256 }
const PATIENCE_BYTES = 64 * 1024

/** As metrics name what is of no class of its channel. */
export const UNKNOWN_CLASS = 'unknown'

/**
 * What one peer may send. Counts over all its streams and connections, so that a new one brings no new quota. What is
 * too much is skipped without being held; a peer that goes on is `flooding`.
 */
export class PeerMeter {
  readonly #peer: string
  readonly #instruments: Instruments
  readonly #monotonic: () => number
  readonly #all: TokenBucket
  readonly #skippedBytes: TokenBucket
  readonly #skippedFrames: TokenBucket
  readonly #announcements: TokenBucket
  readonly #streams: TokenBucket
  readonly #connections: TokenBucket
  readonly #patience: TokenBucket
  /** A channel that is opened anew is another object, and begins with full quotas. */
  readonly #rules = new WeakMap<Channel, FrameRules>()
  /** Of channels that are not open here. */
  readonly #closed: FrameRules

  constructor(
    options: { readonly peer: string },
    modules: { readonly instruments: Instruments; readonly monotonic: () => number },
  ) {
    this.#peer = options.peer
    this.#instruments = modules.instruments
    this.#monotonic = modules.monotonic
    const now = modules.monotonic()
    this.#all = new TokenBucket(ALL_BYTES, now)
    this.#skippedBytes = new TokenBucket(SKIPPED_BYTES, now)
    this.#skippedFrames = new TokenBucket(SKIPPED_FRAMES, now)
    this.#announcements = new TokenBucket(ANNOUNCEMENTS, now)
    this.#streams = new TokenBucket(ARRIVALS, now)
    this.#connections = new TokenBucket(ARRIVALS, now)
    this.#patience = new TokenBucket(PATIENCE, now)
    this.#closed = {
      headerBytes: 0,
      maxBytes: MAX_FRAME_BYTES,
      admit: (_header, size) => this.#skipped(size),
    }
  }

  /** What the peer may say on this channel; null when it is not open here. */
  rules(channel: Channel | null): FrameRules {
    if (channel === null) return this.#closed
    const known = this.#rules.get(channel)
    if (known !== undefined) return known
    const rules = this.#rulesOf(channel)
    this.#rules.set(channel, rules)
    return rules
  }

  announcement(): FrameFault | null {
    return this.#announcements.take(1, this.#monotonic()) ? null : 'flooding'
  }

  connection(): FrameFault | null {
    return this.#connections.take(1, this.#monotonic()) ? null : 'flooding'
  }

  stream(): FrameFault | null {
    return this.#streams.take(1, this.#monotonic()) ? null : 'flooding'
  }

  #rulesOf(channel: Channel): FrameRules {
    const opened = this.#monotonic()
    const quotas = channel.classes.map((each) => ({ ...each, bucket: new TokenBucket(each, opened) }))
    return {
      headerBytes: channel.headerBytes,
      maxBytes: channel.maxBytes,
      admit: (header, size) => {
        const quota = header.length < channel.headerBytes ? undefined : quotas[classOf(channel, header)]
        // A newer version may know more kinds than this one: no breach, but nothing to be had for it either.
        if (quota === undefined) return this.#tooMuch(UNKNOWN_CLASS, size)
        if (size > quota.maxBytes) return 'oversized'
        const now = this.#monotonic()
        if (!this.#all.take(size, now) || !quota.bucket.take(1, now)) return this.#tooMuch(quota.name, size)
        return 'take'
      },
    }
  }

  #tooMuch(name: string, size: number): 'skip' | 'flooding' {
    this.#instruments.framesOverQuota.inc({ peer: this.#peer, class: name })
    const weight = Math.min(PATIENCE.burst, 1 + Math.floor(size / PATIENCE_BYTES))
    return this.#patience.take(weight, this.#monotonic()) ? 'skip' : 'flooding'
  }

  #skipped(size: number): 'skip' | 'flooding' {
    this.#instruments.framesSkipped.inc({ peer: this.#peer })
    const now = this.#monotonic()
    const within = this.#skippedBytes.take(size, now) && this.#skippedFrames.take(1, now)
    return within ? 'skip' : 'flooding'
  }
}
