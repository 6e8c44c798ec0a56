import type { Clock, Timer } from '../../ports/clock.ts'
import type { Json } from '../../ports/json.ts'
import type { Logger } from '../../ports/log.ts'
import type { Counter, Gauge } from '../../ports/metrics.ts'
import { GatewayError } from './gateway-error.ts'
import { problem } from './problem.ts'

export interface StreamEvent {
  readonly type: string
  readonly data: Json
}

export interface HubLimits {
  /** Open streams at once. */
  readonly maxStreams: number
  /** Events kept for `Last-Event-ID`. */
  readonly replayEvents: number
  /** Bytes kept for `Last-Event-ID`, all together. */
  readonly replayBytes: number
  /** Bytes that may wait for one client before it is cut off. */
  readonly maxQueuedBytes: number
  readonly maxEventBytes: number
  readonly keepAliveMs: number
}

export const hubLimits: HubLimits = {
  maxStreams: 256,
  replayEvents: 1024,
  replayBytes: 512 * 1024,
  maxQueuedBytes: 1024 * 1024,
  maxEventBytes: 64 * 1024,
  keepAliveMs: 15_000,
}

interface Kept {
  readonly id: number
  readonly type: string
  readonly bytes: Uint8Array
}

interface Client {
  readonly types: ReadonlySet<string> | null
  readonly controller: ReadableStreamDefaultController<Uint8Array>
  readonly cut: () => void
}

const typePattern = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$/
/** Says first that not all of what was missed is there. */
const GAP = 'stream.gap'
const encoder = new TextEncoder()

/**
 * Server-sent events (HTML standard, section 9.2) for many clients: one numbering, a bounded memory for resuming, a
 * bounded queue for each client. Ids rise by one; their origin is the clock at the start, so that they go on rising
 * over restarts and an id of an earlier run is recognised as one that can't be resumed exactly.
 */
export class EventHub {
  readonly #limits: HubLimits
  readonly #clock: Clock
  readonly #log: Logger
  readonly #open: Gauge
  readonly #dropped: Counter
  readonly #types = new Set<string>()
  readonly #clients = new Set<Client>()
  readonly #kept: Kept[] = []
  #keptBytes = 0
  #lastId: number
  #timer: Timer | null = null
  #ended = false

  constructor(limits: HubLimits, modules: { clock: Clock; log: Logger; open: Gauge; dropped: Counter }) {
    this.#limits = limits
    this.#clock = modules.clock
    this.#log = modules.log
    this.#open = modules.open
    this.#dropped = modules.dropped
    this.#lastId = Math.max(0, Math.floor(modules.clock.now())) * 1000
  }

  /** Lets events of a type be sent. Throws `GATEWAY_BAD_EVENT` for one that is no type, or is there already. */
  declare(type: string): void {
    if (!typePattern.test(type)) throw badEvent(type, 'the type must be dotted lower-case names')
    if (this.#types.has(type) || type === GAP) throw badEvent(type, 'another one has this type')
    this.#types.add(type)
  }

  /** The types that can come, `stream.gap` apart: that one no filter holds back. */
  types(): readonly string[] {
    return [...this.#types]
  }

  /** Sends an event to every client whose filter lets it through. Throws `GATEWAY_BAD_EVENT`. */
  publish(event: StreamEvent): void {
    if (this.#ended) return
    const text = JSON.stringify(event.data)
    if (!this.#types.has(event.type)) throw badEvent(event.type, 'its type was not declared')
    if (text === undefined) throw badEvent(event.type, 'the data must be JSON')
    const id = this.#lastId + 1
    const bytes = encoder.encode(`id: ${id}\nevent: ${event.type}\ndata: ${text}\n\n`)
    if (bytes.length > this.#limits.maxEventBytes)
      throw badEvent(
        event.type,
        `it has ${bytes.length} bytes and at most ${this.#limits.maxEventBytes} are sent`,
      )
    this.#lastId = id
    this.#kept.push({ id, type: event.type, bytes })
    this.#keptBytes += bytes.length
    while (this.#kept.length > this.#limits.replayEvents || this.#keptBytes > this.#limits.replayBytes)
      this.#keptBytes -= this.#kept.shift()?.bytes.length ?? 0
    for (const client of this.#clients)
      if (client.types === null || client.types.has(event.type)) this.#send(client, bytes)
  }

  /**
   * Opens a stream. With `lastEventId` it begins with what came after it; when that is not all there any more, a
   * `stream.gap` event says so first. `cut` must break the connection. Throws a `ProblemError` (503) when there are too
   * many or the node is stopping.
   */
  open(request: {
    types: ReadonlySet<string> | null
    lastEventId: number | null
    cut: () => void
  }): ReadableStream<Uint8Array> {
    if (this.#ended) throw problem(503, 'HTTP_CLOSING', 'The node is stopping. Connect again in a while.')
    if (this.#clients.size >= this.#limits.maxStreams)
      throw problem(503, 'HTTP_TOO_MANY_STREAMS', 'Too many streams are open at this node. Try again later.')
    let self: Client | null = null
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          self = { types: request.types, cut: request.cut, controller }
          this.#clients.add(self)
          this.#open.set(this.#clients.size)
          controller.enqueue(encoder.encode('retry: 2000\n\n'))
          if (request.lastEventId !== null) this.#replay(self, request.lastEventId)
          this.#keepAlive()
        },
        cancel: () => {
          if (self !== null) this.#forget(self)
        },
      },
      { highWaterMark: this.#limits.maxQueuedBytes, size: (chunk) => chunk?.byteLength ?? 0 },
    )
  }

  /** Ends every stream, and opens no more. */
  end(): void {
    this.#ended = true
    for (const client of [...this.#clients]) {
      this.#forget(client)
      client.controller.close()
    }
    this.#timer?.cancel()
  }

  #replay(client: Client, lastEventId: number): void {
    const oldest = this.#lastId - this.#kept.length
    const exact = lastEventId >= oldest && lastEventId <= this.#lastId
    if (!exact) {
      const data = JSON.stringify({ requested: String(lastEventId), oldest: String(oldest + 1) })
      this.#send(client, encoder.encode(`event: ${GAP}\ndata: ${data}\n\n`))
    }
    for (const kept of this.#kept)
      if ((!exact || kept.id > lastEventId) && (client.types === null || client.types.has(kept.type)))
        this.#send(client, kept.bytes)
  }

  #send(client: Client, bytes: Uint8Array): void {
    if (!this.#clients.has(client)) return
    if ((client.controller.desiredSize ?? 0) < bytes.length) {
      this.#forget(client)
      this.#dropped.inc()
      this.#log.debug({ queuedBytes: this.#limits.maxQueuedBytes }, 'Cut off a stream that reads too slowly')
      client.cut()
      return
    }
    client.controller.enqueue(bytes)
  }

  #keepAlive(): void {
    if (this.#timer !== null) return
    this.#timer = this.#clock.setTimer(this.#limits.keepAliveMs, () => {
      this.#timer = null
      const comment = encoder.encode(': keep-alive\n\n')
      for (const client of this.#clients) this.#send(client, comment)
      if (this.#clients.size > 0) this.#keepAlive()
    })
  }

  #forget(client: Client): void {
    this.#clients.delete(client)
    this.#open.set(this.#clients.size)
  }
}

function badEvent(type: string, why: string): GatewayError {
  return new GatewayError('GATEWAY_BAD_EVENT', `Event ${JSON.stringify(type)} can not be sent: ${why}.`, {
    data: { type },
  })
}
