import type { Stream } from '@libp2p/interface'
import type { FrameDecoder, FrameFault } from './frame.ts'

/** What is read of one peer in one turn of the event loop. Small frames cost by their number, large ones by their size. */
const TURN_FRAMES = 64
const TURN_BYTES = 1024 * 1024
/** So much is decoded before the budget is looked at again. */
const SLICE_BYTES = 4096

/**
 * Decodes a stream in turns: a peer that sends as fast as it can gets its share of each turn of the event loop, and then
 * the others have theirs. Meanwhile the stream is paused, so that the peer's window fills and it has to wait.
 */
export class Intake {
  readonly #stream: Stream
  readonly #decoder: FrameDecoder
  readonly #onFault: (fault: FrameFault) => void
  readonly #later: (run: () => void) => void
  #pending: Uint8Array[] = []
  #turnFrames = 0
  #turnBytes = 0
  #turnEnds = false
  #resuming = false
  #ended = false

  constructor(
    stream: Stream,
    modules: {
      readonly decoder: FrameDecoder
      readonly onFault: (fault: FrameFault) => void
      /** Runs in the next turn of the event loop. */
      readonly later: (run: () => void) => void
    },
  ) {
    this.#stream = stream
    this.#decoder = modules.decoder
    this.#onFault = modules.onFault
    this.#later = modules.later
  }

  /** Takes what the stream brought. */
  push(bytes: Uint8Array): void {
    if (this.#ended) return
    this.#pending.push(bytes)
    if (!this.#resuming) this.#decode()
  }

  /** Forgets what was not decoded yet. */
  end(): void {
    this.#ended = true
    this.#pending = []
  }

  #decode(): void {
    while (!this.#ended) {
      const bytes = this.#pending[0]
      if (bytes === undefined) return
      if (this.#turnFrames >= TURN_FRAMES || this.#turnBytes >= TURN_BYTES) {
        if (this.#stream.readStatus === 'readable') this.#stream.pause()
        return
      }
      if (bytes.length > SLICE_BYTES) this.#pending[0] = bytes.subarray(SLICE_BYTES)
      else this.#pending.shift()
      this.#decodeSlice(bytes.subarray(0, SLICE_BYTES))
    }
  }

  #decodeSlice(slice: Uint8Array): void {
    this.#endTurn()
    const before = this.#decoder.frames
    const fault = this.#decoder.push(slice)
    this.#turnFrames += this.#decoder.frames - before
    this.#turnBytes += slice.length
    if (fault === null) return
    this.end()
    this.#onFault(fault)
  }

  /** The first bytes of a turn see to it that the next turn begins anew. */
  #endTurn(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    this.#later(() => {
      this.#turnEnds = false
      this.#turnFrames = 0
      this.#turnBytes = 0
      this.#decode()
      this.#resume()
      this.#decode()
    })
  }

  /** Opens the peer's window again once all is decoded. */
  #resume(): void {
    if (this.#ended || this.#pending.length > 0 || this.#stream.readStatus !== 'paused') return
    // It hands over what it holds before it opens the window: a pause in between would be overruled.
    this.#resuming = true
    try {
      this.#stream.resume()
    } catch {
      // The connection below has just closed: the stream will hear of it.
    } finally {
      this.#resuming = false
    }
  }
}
