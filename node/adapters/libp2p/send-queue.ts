import type { MessageClass } from '../../ports/network.ts'
import type { Channel } from './channel.ts'
import { encodeFrame, frameOverhead } from './frame.ts'

/** Why a frame never reached its peer: the label `reason` of `iyi_net_frames_dropped_total`. */
export type DropReason = 'queue_full' | 'superseded' | 'expired' | 'oversized' | 'unclassified' | 'closed'

interface Entry {
  readonly order: number
  atMs: number
  readonly frame: Uint8Array
}

/** What waits of one class of one channel, oldest first. */
interface Lane {
  readonly channel: string
  readonly limits: MessageClass
  readonly overhead: number
  readonly shareBytes: number
  readonly entries: Entry[]
  bytes: number
}

/** What a lane holds beyond its share, and so of the room that all have in common. */
const extraFrames = (lane: Lane): number => Math.max(0, lane.entries.length - lane.limits.queueMessages)
const extraBytes = (lane: Lane): number => Math.max(0, lane.bytes - lane.shareBytes)

/**
 * Frames that wait for one peer. Every class of every channel has a share of its own, which nothing else can take;
 * beyond the shares all draw on common room. When that is used up, the oldest frame that a droppable class has there
 * gives way; if there is none, the oldest of the class that wants more. So bulk never costs a vote its place, and the
 * whole is bounded by the shares and the common room. Frames leave in the order in which they came.
 */
export class SendQueue {
  readonly #channels = new Map<string, readonly Lane[]>()
  readonly #commonFrames: number
  readonly #commonBytes: number
  readonly #onDrop: (reason: DropReason, className: string) => void
  #order = 0
  #frames = 0
  #bytes = 0
  #usedFrames = 0
  #usedBytes = 0

  constructor(options: {
    readonly commonFrames: number
    readonly commonBytes: number
    readonly onDrop: (reason: DropReason, className: string) => void
  }) {
    this.#commonFrames = options.commonFrames
    this.#commonBytes = options.commonBytes
    this.#onDrop = options.onDrop
  }

  get frames(): number {
    return this.#frames
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Adds a message of the class at `index`, which it fits, and drops what has to make room for it. */
  push(channel: Channel, index: number, message: Uint8Array, atMs: number): void {
    const lane = this.#lanes(channel)[index]
    if (lane === undefined || this.#isRepeat(lane, message, atMs)) return
    while (lane.limits.supersedes === 'older' && lane.entries.length > 0) this.#lose(lane, 'superseded')
    const frame = encodeFrame('data', channel.bytes, message)
    this.#add(lane, { order: this.#order++, atMs, frame })
    this.#makeRoom(lane)
  }

  /** Takes the oldest frame among the channels that `ready` lets through; frames queued before `sinceMs` are dropped. */
  take(ready: (channel: string) => boolean, sinceMs: number): Uint8Array | null {
    for (;;) {
      const lane = this.#oldest((each) => ready(each.channel))
      if (lane === null) return null
      const entry = this.#shift(lane)
      if (entry.atMs >= sinceMs) return entry.frame
      this.#onDrop('expired', lane.limits.name)
    }
  }

  /** Forgets a channel's frames. */
  drop(channel: string): void {
    for (const lane of this.#channels.get(channel) ?? []) {
      while (lane.entries.length > 0) this.#lose(lane, 'closed')
    }
    this.#channels.delete(channel)
  }

  #lanes(channel: Channel): readonly Lane[] {
    const known = this.#channels.get(channel.name)
    if (known !== undefined) return known
    const overhead = frameOverhead(channel.bytes)
    const lanes = channel.classes.map((limits) => ({
      channel: channel.name,
      limits,
      overhead,
      shareBytes: limits.queueBytes + limits.queueMessages * overhead,
      entries: [],
      bytes: 0,
    }))
    this.#channels.set(channel.name, lanes)
    return lanes
  }

  /** The same message that waits already is not queued twice: it keeps its place, so that repeating it never delays it. */
  #isRepeat(lane: Lane, message: Uint8Array, atMs: number): boolean {
    if (lane.limits.supersedes === 'none') return false
    const same = lane.entries.find(
      ({ frame }) =>
        frame.length === lane.overhead + message.length &&
        Buffer.compare(frame.subarray(lane.overhead), message) === 0,
    )
    if (same === undefined) return false
    same.atMs = atMs
    this.#onDrop('superseded', lane.limits.name)
    return true
  }

  #makeRoom(lane: Lane): void {
    while (this.#usedFrames > this.#commonFrames) this.#lose(this.#giving(extraFrames) ?? lane, 'queue_full')
    while (this.#usedBytes > this.#commonBytes) this.#lose(this.#giving(extraBytes) ?? lane, 'queue_full')
  }

  #giving(extra: (lane: Lane) => number): Lane | null {
    return this.#oldest((lane) => lane.limits.droppable && extra(lane) > 0)
  }

  #oldest(eligible: (lane: Lane) => boolean): Lane | null {
    let best: Lane | null = null
    let bestOrder = Number.POSITIVE_INFINITY
    for (const lanes of this.#channels.values()) {
      for (const lane of lanes) {
        const order = lane.entries[0]?.order
        if (order === undefined || order >= bestOrder || !eligible(lane)) continue
        best = lane
        bestOrder = order
      }
    }
    return best
  }

  #lose(lane: Lane, reason: DropReason): void {
    this.#shift(lane)
    this.#onDrop(reason, lane.limits.name)
  }

  #add(lane: Lane, entry: Entry): void {
    this.#count(lane, () => {
      lane.entries.push(entry)
      lane.bytes += entry.frame.length
      this.#frames += 1
      this.#bytes += entry.frame.length
    })
  }

  /** Removes the oldest entry of a lane that has one. */
  #shift(lane: Lane): Entry {
    const entry = lane.entries[0] as Entry
    this.#count(lane, () => {
      lane.entries.shift()
      lane.bytes -= entry.frame.length
      this.#frames -= 1
      this.#bytes -= entry.frame.length
    })
    return entry
  }

  /** Keeps the use of the common room in step with a lane that changes. */
  #count(lane: Lane, change: () => void): void {
    this.#usedFrames -= extraFrames(lane)
    this.#usedBytes -= extraBytes(lane)
    change()
    this.#usedFrames += extraFrames(lane)
    this.#usedBytes += extraBytes(lane)
  }
}
