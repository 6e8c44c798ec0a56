/**
 * Authenticated point-to-point messages among the members of one quorum instance. Members are known by their ed25519
 * peer keys; anyone else is refused before a byte is parsed.
 */
export interface PeerTransport {
  /**
   * Joins a channel. `peers[i]` is the raw 32-byte ed25519 public key of oracle `i`; `peers[self]` is this node's.
   * A frame larger than `maxMessageBytes` closes its connection. Rejects with `NetworkError`.
   */
  open(options: {
    /** Names the channel on the wire: a config digest. */
    readonly channel: string
    readonly peers: readonly Uint8Array[]
    readonly self: number
    readonly maxMessageBytes: number
    readonly onMessage: (from: number, bytes: Uint8Array) => void
  }): Promise<PeerChannel>
}

export interface PeerChannel {
  /** Best effort, in order while connected; the oldest frames of a full queue (bounded in frames and bytes) are dropped. Never throws, never blocks. */
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
