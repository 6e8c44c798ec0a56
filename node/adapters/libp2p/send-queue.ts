/** Why a frame never reached its peer: the label `reason` of `iyi_net_frames_dropped_total`. */
export type DropReason = 'queue_full' | 'expired' | 'oversized' | 'closed'

interface Entry {
  readonly order: number
  readonly atMs: number
  readonly frame: Uint8Array
}

interface Lane {
  entries: Entry[]
  /** Index of the oldest entry; the array is compacted once half of it is spent. */
  head: number
}

/**
 * Frames that wait for one peer: bounded in frames and in bytes over all channels, oldest dropped first. A lane a
 * channel, so that frames of a channel that the peer has not joined yet do not hold up the others.
 */
export class SendQueue {
  readonly #lanes = new Map<string, Lane>()
  readonly #maxFrames: number
  readonly #maxBytes: number
  readonly #onDrop: (reason: DropReason) => void
  #order = 0
  #frames = 0
  #bytes = 0

  constructor(options: {
    readonly maxFrames: number
    readonly maxBytes: number
    readonly onDrop: (reason: DropReason) => void
  }) {
    this.#maxFrames = options.maxFrames
    this.#maxBytes = options.maxBytes
    this.#onDrop = options.onDrop
  }

  get frames(): number {
    return this.#frames
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Adds a frame, dropping older ones until it fits. A frame larger than the whole queue is dropped itself. */
  push(channel: string, frame: Uint8Array, atMs: number): void {
    if (frame.length > this.#maxBytes) {
      this.#onDrop('oversized')
      return
    }
    while (this.#frames >= this.#maxFrames || this.#bytes + frame.length > this.#maxBytes) {
      const oldest = this.#oldest(() => true)
      if (oldest === null) break
      this.#shift(oldest)
      this.#onDrop('queue_full')
    }
    let lane = this.#lanes.get(channel)
    if (lane === undefined) {
      lane = { entries: [], head: 0 }
      this.#lanes.set(channel, lane)
    }
    lane.entries.push({ order: this.#order++, atMs, frame })
    this.#frames += 1
    this.#bytes += frame.length
  }

  /** Takes the oldest frame among the channels that `ready` lets through; frames queued before `sinceMs` are dropped. */
  take(ready: (channel: string) => boolean, sinceMs: number): Uint8Array | null {
    for (;;) {
      const lane = this.#oldest(ready)
      if (lane === null) return null
      const entry = this.#shift(lane)
      if (entry.atMs >= sinceMs) return entry.frame
      this.#onDrop('expired')
    }
  }

  /** Forgets a channel's frames. */
  drop(channel: string): void {
    const lane = this.#lanes.get(channel)
    if (lane === undefined) return
    while (lane.head < lane.entries.length) {
      this.#shift(lane)
      this.#onDrop('closed')
    }
    this.#lanes.delete(channel)
  }

  #oldest(ready: (channel: string) => boolean): Lane | null {
    let best: Lane | null = null
    let bestOrder = Number.POSITIVE_INFINITY
    for (const [channel, lane] of this.#lanes) {
      const order = lane.entries[lane.head]?.order
      if (order !== undefined && order < bestOrder && ready(channel)) {
        best = lane
        bestOrder = order
      }
    }
    return best
  }

  /** Removes the oldest entry of a lane that has one. */
  #shift(lane: Lane): Entry {
    const entry = lane.entries[lane.head] as Entry
    lane.head += 1
    if (lane.head * 2 >= lane.entries.length) {
      lane.entries = lane.entries.slice(lane.head)
      lane.head = 0
    }
    this.#frames -= 1
    this.#bytes -= entry.frame.length
    return entry
  }
}
