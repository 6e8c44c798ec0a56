/**
 * One class of a channel's messages: how large they may be, how many may wait for a peer, and how fast a peer may send
 * them. Plain data, so that the transport tells classes apart without knowing the protocol.
 */
export interface MessageClass {
  /** As metrics name it. */
  readonly name: string
  /** The first bytes of every message of this class. All classes of a channel have as many, and no two the same. */
  readonly header: readonly number[]
  /** Of a whole message. A longer one closes its connection before its body is held. */
  readonly maxBytes: number
  /** Messages of this class that may wait for a peer whatever other classes do. */
  readonly queueMessages: number
  /** The same in bytes; at least `maxBytes`. */
  readonly queueBytes: number
  /** What waits beyond that share gives way, oldest first, when all classes together are too much. */
  readonly droppable: boolean
  /**
   * What a new message makes pointless of those that still wait: `none`; `same`, since it only says one of them again; or
   * `older`, since it says all that any of them did. Said again, a message keeps its place.
   */
  readonly supersedes: 'none' | 'same' | 'older'
  /** Messages per second that a peer may send in the long run. What is above is dropped, and much of it shuts the peer out. */
  readonly ratePerSecond: number
  /** Messages that a peer may send at once after a silence. */
  readonly burst: number
}

/**
 * Authenticated point-to-point messages among the members of one quorum instance. Members are known by their ed25519
 * peer keys; anyone else is refused before a byte is parsed.
 */
export interface PeerTransport {
  /**
   * Joins a channel. `peers[i]` is the raw 32-byte ed25519 public key of oracle `i`; `peers[self]` is this node's.
   * `classes` holds every message there is: what has no class is neither sent nor delivered. Rejects with
   * `NetworkError`.
   */
  open(options: {
    /** Names the channel on the wire: a config digest. */
    readonly channel: string
    readonly peers: readonly Uint8Array[]
    readonly self: number
    readonly classes: readonly MessageClass[]
    readonly onMessage: (from: number, bytes: Uint8Array) => void
  }): Promise<PeerChannel>
}

export interface PeerChannel {
  /**
   * Best effort, in order while connected. Never throws, never blocks: what is too much for its class is dropped, oldest
   * first.
   */
  send(to: number, bytes: Uint8Array): void
  /** Oracle indices that a message would reach now. */
  connected(): readonly number[]
  close(): Promise<void>
}

/** A peer as the operator sees it. */
export interface PeerInfo {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly connected: boolean
  readonly direction: 'inbound' | 'outbound' | null
}
