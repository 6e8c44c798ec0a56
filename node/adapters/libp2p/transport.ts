import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../../ports/clock.ts'
import type { ContentPeers } from '../../ports/content.ts'
import type { Health } from '../../ports/health.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { PeerChannel, PeerInfo, PeerTransport } from '../../ports/network.ts'
import { type Channel, channelOf, classOf } from './channel.ts'
import { ContentExchange } from './content-exchange.ts'
import { NetworkError } from './errors.ts'
import { encodeFrame } from './frame.ts'
import { memberGate } from './gate.ts'
import { identityFromSeed, parseAddress, parsePeerAddress, peerIdFromKey } from './identity.ts'
import { type Instruments, instruments } from './instruments.ts'
import { Link } from './link.ts'
import { UNKNOWN_CLASS } from './meter.ts'
import { startNode } from './node.ts'

const DEFAULT_COMMON_FRAMES = 1_024
const DEFAULT_COMMON_BYTES = 16 * 1024 * 1024

export interface Libp2pTransportOptions {
  /** Multiaddrs to listen on: `/ip4/0.0.0.0/tcp/9420`. */
  readonly listen: readonly string[]
  /** Multiaddrs of the other nodes, each ending in `/p2p/<peer id>`. */
  readonly peers: readonly string[]
  /** 32-byte ed25519 seed. */
  readonly privateKeySeed: Uint8Array
  /** Frames that may wait for one peer beyond the shares of its channels' classes; 1,024 when absent. */
  readonly commonFrames?: number
  /** The same in bytes; 16 MiB when absent. */
  readonly commonBytes?: number
  /** Bytes of contents per second that one peer is given; 8 MiB when absent. */
  readonly contentBytesPerSecond?: number
}

export interface Libp2pTransport extends PeerTransport {
  readonly peerId: string
  /** The members, as those whom one can ask for contents. */
  readonly contents: ContentPeers
  /** Listens and begins to dial. Rejects with `NetworkError` `NET_LISTEN_FAILED`. */
  start(): Promise<void>
  /** Closes every channel, connection and socket. */
  stop(): Promise<void>
  /** Members of the open channels, without this node; while none is open, the configured peers. */
  peers(): readonly PeerInfo[]
  /** Where this node listens, with its peer id; empty until started. */
  multiaddrs(): readonly string[]
  health(): Health
}

/**
 * Peer transport over libp2p: TCP, noise, yamux, and one stream in each direction for `/iyi/quorum/1`; contents beside it,
 * by `/iyi/content/1`. There is no discovery: addresses come from `peers`. Throws `NetworkError` `NET_BAD_ADDRESS` or `NET_BAD_KEY`.
 */
export function libp2pTransport(
  options: Libp2pTransportOptions,
  modules: {
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
    /** Uniform in [0, 1), for the jitter of reconnection. */
    readonly random?: () => number
  },
): Libp2pTransport {
  return new QuorumTransport(options, modules)
}

class QuorumTransport implements Libp2pTransport {
  readonly peerId: string
  readonly #identity: ReturnType<typeof identityFromSeed>
  readonly #options: Libp2pTransportOptions
  readonly #listen: readonly Multiaddr[]
  readonly #configured = new Map<string, { peerId: PeerId; addresses: Multiaddr[] }>()
  readonly #clock: Clock
  readonly #log: Logger
  readonly #random: () => number
  readonly #instruments: Instruments
  readonly #channels = new Map<string, Channel>()
  readonly #links = new Map<string, Link>()
  readonly contents: ContentExchange
  #node: Libp2p | null = null
  #stopped = false

  constructor(options: Libp2pTransportOptions, modules: Parameters<typeof libp2pTransport>[1]) {
    this.#options = options
    this.#identity = identityFromSeed(options.privateKeySeed)
    this.peerId = this.#identity.peerId.toString()
    this.#listen = options.listen.map(parseAddress)
    this.#clock = modules.clock
    this.#log = modules.log
    this.#random = modules.random ?? Math.random
    this.#instruments = instruments(modules.metrics)
    const { contentBytesPerSecond } = options
    this.contents = new ContentExchange(
      contentBytesPerSecond === undefined ? {} : { bytesPerSecond: contentBytesPerSecond },
      {
        ...modules,
        connection: (peer) => this.#links.get(peer)?.connections.findLast(isOpen) ?? null,
        members: () => [...this.#links.values()].filter(isReachable).map(({ id }) => id),
      },
    )
    for (const { peerId, address } of options.peers.map(parsePeerAddress)) {
      const id = peerId.toString()
      if (id === this.peerId) continue
      const known = this.#configured.get(id) ?? { peerId, addresses: [] }
      known.addresses.push(address)
      this.#configured.set(id, known)
    }
    this.#settle()
  }

  async start(): Promise<void> {
    if (this.#stopped) throw this.#stoppedError()
    if (this.#node !== null) return
    const node = await startNode(
      { identity: this.#identity, listen: this.#listen },
      {
        gate: memberGate({ refusal: (id) => this.#refusal(id), instruments: this.#instruments }),
        onConnection: (connection) => this.#onConnection(connection),
        onDisconnection: (connection) => this.#onDisconnection(connection),
        onStream: {
          quorum: (stream, connection) => this.#member(stream, connection)?.inbox.attach(stream),
          content: (stream, connection) => {
            const link = this.#member(stream, connection)
            if (link !== null) this.contents.onStream(link.id, stream)
          },
        },
      },
    )
    this.#node = node
    for (const link of this.#links.values()) link.start()
    this.#log.info({ peerId: this.peerId, listen: this.multiaddrs() }, 'Listen for peers')
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#channels.clear()
    for (const link of this.#links.values()) link.stop()
    this.#links.clear()
    const node = this.#node
    this.#node = null
    await node?.stop()
  }

  async open(options: Parameters<PeerTransport['open']>[0]): Promise<PeerChannel> {
    if (this.#stopped) throw this.#stoppedError()
    const channel = channelOf(options, this.peerId)
    if (this.#channels.has(channel.name)) {
      throw new NetworkError(
        'NET_CHANNEL_EXISTS',
        `Close channel ${channel.name} before it is opened again`,
        {
          data: { channel: channel.name },
        },
      )
    }
    this.#channels.set(channel.name, channel)
    for (const [index, key] of options.peers.entries()) {
      if (index === channel.self) continue
      const link = this.#link(peerIdFromKey(key))
      if (link.addresses.length === 0) {
        this.#log.info({ peer: link.id, oracle: index }, 'Wait for a peer without an address to dial in')
      }
      link.outbox.announce('join', channel.name, channel.bytes)
    }
    this.#settle()
    return {
      send: (to, bytes) => this.#send(channel, to, bytes),
      connected: () => this.#connected(channel),
      close: async () => this.#close(channel),
    }
  }

  peers(): readonly PeerInfo[] {
    return [...this.#links.values()].map((link) => ({
      peerId: link.id,
      addresses: link.addresses,
      connected: link.outbox.attached,
      direction: link.connections.at(-1)?.direction ?? null,
    }))
  }

  multiaddrs(): readonly string[] {
    return this.#node?.getMultiaddrs().map((address) => address.toString()) ?? []
  }

  health(): Health {
    if (this.#node === null) return { status: 'failed', reason: 'Start the peer transport' }
    const away = [...this.#links.values()].filter((link) => !link.outbox.attached)
    if (away.length === 0) return { status: 'ok', detail: `${this.#links.size} peers connected` }
    const reason =
      `${away.length} of ${this.#links.size} peers are away; check that they run and that their addresses ` +
      `and firewalls are right: ${away.map((link) => link.id).join(', ')}`
    return { status: away.length === this.#links.size ? 'failed' : 'degraded', reason }
  }

  #send(channel: Channel, to: number, bytes: Uint8Array): void {
    if (to === channel.self || this.#channels.get(channel.name) !== channel) return
    const link = this.#links.get(channel.peers[to] ?? '')
    if (link === undefined) return
    const index = classOf(channel, bytes)
    const limits = channel.classes[index]
    if (limits !== undefined && bytes.length <= limits.maxBytes) {
      link.outbox.send(channel, index, bytes)
      return
    }
    link.outbox.countDrop(limits === undefined ? 'unclassified' : 'oversized', limits?.name ?? UNKNOWN_CLASS)
    this.#log.error(
      { channel: channel.name, class: limits?.name ?? null, bytes: bytes.length, limit: limits?.maxBytes },
      'Drop a message that its channel does not allow',
    )
  }

  #connected(channel: Channel): readonly number[] {
    if (this.#channels.get(channel.name) !== channel) return []
    return [...channel.peers.keys()].filter((index) => {
      return (
        index !== channel.self && this.#links.get(channel.peers[index] ?? '')?.ready(channel.name) === true
      )
    })
  }

  #close(channel: Channel): void {
    if (this.#channels.get(channel.name) !== channel) return
    this.#channels.delete(channel.name)
    for (const peer of channel.peers)
      this.#links.get(peer)?.outbox.announce('leave', channel.name, channel.bytes)
    this.#settle()
  }

  /** Gives up the links of peers that have no business here any more. */
  #settle(): void {
    for (const [id, link] of this.#links) {
      if (this.#wanted(id)) continue
      this.#links.delete(id)
      link.stop()
      this.contents.forget(id)
    }
    if (this.#channels.size > 0) return
    for (const { peerId } of this.#configured.values()) this.#link(peerId)
  }

  #link(peerId: PeerId): Link {
    const id = peerId.toString()
    const known = this.#links.get(id)
    if (known !== undefined) return known
    const link = new Link(
      {
        peerId,
        self: this.#identity.peerId,
        addresses: this.#configured.get(id)?.addresses ?? [],
        commonFrames: this.#options.commonFrames ?? DEFAULT_COMMON_FRAMES,
        commonBytes: this.#options.commonBytes ?? DEFAULT_COMMON_BYTES,
      },
      {
        clock: this.#clock,
        log: this.#log,
        instruments: this.#instruments,
        random: this.#random,
        channels: {
          shared: (name, peer) => this.#shared(name, peer),
          deliver: (name, peer, payload) => this.#deliver(name, peer, payload),
        },
        announcements: (peer) => this.#announcements(peer),
        dial: (addresses, signal) => this.#dial(addresses, signal),
      },
    )
    this.#links.set(id, link)
    if (this.#node !== null) link.start()
    return link
  }

  async #dial(addresses: readonly Multiaddr[], signal: AbortSignal): Promise<Connection> {
    if (this.#node === null) throw this.#stoppedError()
    return await this.#node.dial([...addresses], { signal })
  }

  #shared(name: string, peer: string): Channel | null {
    const channel = this.#channels.get(name)
    return channel?.indexOf.has(peer) === true ? channel : null
  }

  #deliver(name: string, peer: string, payload: Uint8Array): void {
    const channel = this.#shared(name, peer)
    const from = channel?.indexOf.get(peer)
    if (channel === null || from === undefined) return
    try {
      channel.onMessage(from, payload)
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown'
      this.#log.error({ channel: name, from, reason }, 'Survive a message handler that threw')
    }
  }

  #announcements(peer: string): ReadonlyMap<string, Uint8Array> {
    const frames = new Map<string, Uint8Array>()
    for (const channel of this.#channels.values()) {
      if (channel.indexOf.has(peer)) frames.set(channel.name, encodeFrame('join', channel.bytes))
    }
    return frames
  }

  /** The quorums' configurations decide. The operator's list is what there is to go by before the first is known. */
  #wanted(peer: string): boolean {
    if (this.#channels.size === 0) return this.#configured.has(peer)
    return [...this.#channels.values()].some((channel) => channel.indexOf.has(peer))
  }

  #refusal(peer: string): 'stranger' | 'cool_down' | null {
    const link = this.#links.get(peer)
    if (link === undefined) return 'stranger'
    return link.cooling ? 'cool_down' : null
  }

  /** Null, and the stream is ended, for a peer that has no business here. */
  #member(stream: Stream, { remotePeer }: Connection): Link | null {
    const link = this.#links.get(remotePeer.toString())
    if (link !== undefined && !link.cooling) return link
    stream.abort(new Error('Not a member'))
    return null
  }

  #onConnection(connection: Connection): void {
    const link = this.#links.get(connection.remotePeer.toString())
    // The peer may have lost its place while its handshake ran.
    if (link === undefined || link.cooling) connection.abort(new Error('Not a member'))
    else link.onConnection(connection)
    this.#countConnections()
  }

  #onDisconnection(connection: Connection): void {
    this.#links.get(connection.remotePeer.toString())?.onDisconnection(connection)
    this.#countConnections()
  }

  #countConnections(): void {
    const open = [...this.#links.values()].flatMap((link) => link.connections)
    const inbound = open.filter((connection) => connection.direction === 'inbound').length
    this.#instruments.connections.set(inbound, { direction: 'inbound' })
    this.#instruments.connections.set(open.length - inbound, { direction: 'outbound' })
  }

  #stoppedError(): NetworkError {
    return new NetworkError('NET_STOPPED', 'Create a new peer transport: this one was stopped', { data: {} })
  }
}

const isOpen = ({ status }: Connection): boolean => status === 'open'
const isReachable = ({ cooling, connections }: Link): boolean => !cooling && connections.some(isOpen)
