import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Logger } from '../../ports/log.ts'
import { backoffMs, coolDownMs } from './backoff.ts'
import { type ChannelTable, Inbox, type Violation } from './inbox.ts'
import type { Instruments } from './instruments.ts'
import { PeerMeter } from './meter.ts'
import { Outbox } from './outbox.ts'
import { TwinWatch } from './twin-watch.ts'

/** The quorum stream's protocol id, negotiated by multistream-select. */
export const PROTOCOL = '/iyi/quorum/1'

/** A stream that lived this long was a success: the next loss starts from the shortest delay again. */
const STABLE_MS = 10_000
/** Violations further apart than this are unrelated. */
const FORGIVE_MS = 600_000
const OPEN_TIMEOUT_MS = 5_000
/** Of two simultaneous dials one would be wasted: the side with the larger peer id waits this long first. */
const YIELD_MS = 300
const MAX_CONNECTIONS_PER_PEER = 3

export interface LinkModules {
  readonly clock: Clock
  readonly log: Logger
  readonly instruments: Instruments
  readonly random: () => number
  readonly channels: ChannelTable
  /** Join announcements of every channel shared with this peer. */
  readonly announcements: (peer: string) => ReadonlyMap<string, Uint8Array>
  readonly dial: (addresses: readonly Multiaddr[], signal: AbortSignal) => Promise<Connection>
}

/**
 * Everything about one peer: keeps one outbound stream open to it over whichever connection there is, reads the
 * stream it opens to us, and shuts it out for a while when it breaks the protocol.
 */
export class Link {
  readonly id: string
  readonly outbox: Outbox
  readonly inbox: Inbox
  readonly #addresses: readonly Multiaddr[]
  readonly #yields: boolean
  readonly #m: LinkModules
  readonly #meter: PeerMeter
  readonly #connections = new Set<Connection>()
  readonly #twins = new TwinWatch()
  #active = false
  #busy = false
  #dialing: AbortController | null = null
  #timer: Timer | null = null
  #attempt = 0
  #stream: { readonly stream: Stream; readonly connection: Connection; readonly sinceMs: number } | null =
    null
  #offences = 0
  #lastOffenceMs = Number.NEGATIVE_INFINITY
  #coolUntilMs = Number.NEGATIVE_INFINITY

  constructor(
    options: {
      readonly peerId: PeerId
      readonly self: PeerId
      readonly addresses: readonly Multiaddr[]
      readonly commonFrames: number
      readonly commonBytes: number
    },
    modules: LinkModules,
  ) {
    this.id = options.peerId.toString()
    this.#addresses = options.addresses
    this.#yields = options.self.toString() > this.id
    this.#m = modules
    const monotonic = () => modules.clock.monotonic()
    this.#meter = new PeerMeter({ peer: this.id }, { instruments: modules.instruments, monotonic })
    this.inbox = new Inbox(
      { peer: this.id },
      {
        channels: modules.channels,
        instruments: modules.instruments,
        meter: this.#meter,
        later: (run) => void setImmediate(run),
        onViolation: (violation) => this.#punish(violation),
        onJoined: () => this.outbox.wake(),
      },
    )
    this.outbox = new Outbox(
      { peer: this.id, commonFrames: options.commonFrames, commonBytes: options.commonBytes },
      {
        instruments: modules.instruments,
        monotonic,
        ready: (channel) => this.inbox.joined(channel),
      },
    )
  }

  get addresses(): readonly string[] {
    return this.#addresses.map((address) => address.toString())
  }

  get connections(): readonly Connection[] {
    return [...this.#connections]
  }

  get cooling(): boolean {
    return this.#m.clock.monotonic() < this.#coolUntilMs
  }

  /** True when a message on this channel would reach the peer now. */
  ready(channel: string): boolean {
    return this.outbox.attached && this.inbox.joined(channel)
  }

  start(): void {
    if (this.#active) return
    this.#active = true
    this.#attempt = 0
    if (this.#yields) this.#schedule(YIELD_MS)
    else this.#maintain()
  }

  stop(): void {
    this.#active = false
    this.#timer?.cancel()
    this.#timer = null
    this.#dialing?.abort()
    const reason = new Error('Link stopped')
    this.#dropStream(reason)
    this.inbox.detach(reason)
    for (const connection of this.#connections) connection.abort(reason)
    this.#connections.clear()
  }

  onConnection(connection: Connection): void {
    this.#connections.add(connection)
    this.#lookForTwin(connection)
    const flood = connection.direction === 'inbound' ? this.#meter.connection() : null
    if (flood !== null) {
      this.#punish(flood)
      return
    }
    const surplus = this.#connections.size - MAX_CONNECTIONS_PER_PEER
    if (surplus > 0) {
      for (const old of [...this.#connections].slice(0, surplus)) old.abort(new Error('Too many connections'))
    }
    // A peer that dials anew while our stream looks healthy has most likely lost the connection below it.
    const current = this.#stream
    if (
      current !== null &&
      connection.direction === 'inbound' &&
      this.#age(current.sinceMs) > STABLE_MS / 2
    ) {
      this.#dropStream(new Error('Moved to a newer connection'))
    }
    if (this.#stream === null) {
      this.#timer?.cancel()
      this.#timer = null
      // The peer came to us: a dial that may take seconds to fail is not worth waiting for.
      if (connection.direction === 'inbound') this.#dialing?.abort()
      this.#maintain()
    }
  }

  #lookForTwin(connection: Connection): void {
    // `/ip4/10.0.0.1/tcp/51234`; the port of one that dialled in is a new one each time.
    const host = connection.remoteAddr.toString().split('/')[2] ?? ''
    const hosts = this.#twins.connected(host, this.#m.clock.monotonic())
    if (hosts === null) return
    this.#m.log.warn(
      { peer: this.id, hosts },
      'A peer connects from several places in turn: another process seems to run with its keys; tell its operator',
    )
  }

  onDisconnection(connection: Connection): void {
    this.#connections.delete(connection)
  }

  #age(sinceMs: number): number {
    return this.#m.clock.monotonic() - sinceMs
  }

  #schedule(delayMs: number): void {
    if (!this.#active || this.#timer !== null) return
    this.#timer = this.#m.clock.setTimer(delayMs, () => {
      this.#timer = null
      this.#maintain()
    })
  }

  /** Takes the next step towards an open outbound stream; safe to call at any time. */
  #maintain(): void {
    if (!this.#active || this.#busy || this.#stream !== null || this.#timer !== null) return
    if (this.cooling) {
      this.#schedule(this.#coolUntilMs - this.#m.clock.monotonic())
      return
    }
    const connection = [...this.#connections].findLast((each) => each.status === 'open')
    if (connection === undefined && this.#addresses.length === 0) return
    this.#busy = true
    this.#reach(connection).then(
      () => {
        this.#busy = false
        this.#m.instruments.reconnects.inc({ peer: this.id, outcome: 'connected' })
      },
      (error: unknown) => {
        this.#busy = false
        if (!this.#active) return
        this.#m.instruments.reconnects.inc({ peer: this.id, outcome: 'failed' })
        this.#m.log.debug(
          { peer: this.id, attempt: this.#attempt, reason: reasonOf(error) },
          'Retry peer later',
        )
        this.#schedule(backoffMs(this.#attempt++, this.#m.random))
      },
    )
  }

  async #reach(known: Connection | undefined): Promise<void> {
    const connection = known ?? (await this.#dial())
    let stream: Stream
    try {
      stream = await connection.newStream(PROTOCOL, { signal: AbortSignal.timeout(OPEN_TIMEOUT_MS) })
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error('No quorum stream'))
      throw error
    }
    if (!this.#active || stream.status !== 'open') {
      stream.abort(new Error('Not wanted any more'))
      throw new Error('Stream closed while it was opened')
    }
    this.#adopt(stream, connection)
  }

  async #dial(): Promise<Connection> {
    const dialing = new AbortController()
    this.#dialing = dialing
    try {
      const signal = AbortSignal.any([dialing.signal, AbortSignal.timeout(OPEN_TIMEOUT_MS)])
      return await this.#m.dial(this.#addresses, signal)
    } finally {
      this.#dialing = null
    }
  }

  #adopt(stream: Stream, connection: Connection): void {
    const sinceMs = this.#m.clock.monotonic()
    this.#stream = { stream, connection, sinceMs }
    // Our outbound stream carries nothing towards us; whoever writes there is out of protocol.
    stream.addEventListener('message', () => this.#punish('unexpected_data'))
    const ended = (): void => {
      if (this.#stream?.stream !== stream) return
      this.#stream = null
      this.outbox.detach()
      if (this.#age(sinceMs) > STABLE_MS) this.#attempt = 0
      this.#m.log.info({ peer: this.id }, 'Peer disconnected')
      this.#schedule(backoffMs(this.#attempt++, this.#m.random))
    }
    stream.addEventListener('close', ended)
    stream.addEventListener('remoteCloseWrite', () => stream.abort(new Error('Peer ended the stream')))
    this.outbox.attach(stream, this.#m.announcements(this.id))
    this.#m.log.info({ peer: this.id, direction: connection.direction }, 'Peer connected')
  }

  #dropStream(reason: Error): void {
    const current = this.#stream
    this.#stream = null
    this.outbox.detach()
    current?.stream.abort(reason)
  }

  #punish(violation: Violation): void {
    const now = this.#m.clock.monotonic()
    if (now < this.#coolUntilMs) return
    this.#offences = now - this.#lastOffenceMs > FORGIVE_MS ? 1 : this.#offences + 1
    this.#lastOffenceMs = now
    const penaltyMs = coolDownMs(this.#offences)
    this.#coolUntilMs = now + penaltyMs
    this.#m.instruments.violations.inc({ peer: this.id, reason: violation })
    this.#m.log.warn(
      { peer: this.id, violation, penaltyMs },
      'Shut out a peer that broke the quorum protocol or floods; check with its operator',
    )
    const reason = new Error(`Protocol violation: ${violation}`)
    this.#dropStream(reason)
    this.inbox.detach(reason)
    for (const connection of this.#connections) connection.abort(reason)
    this.#timer?.cancel()
    this.#timer = null
    this.#schedule(penaltyMs)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'unknown'
}
