import type { PeerTransport } from '../../ports/network.ts'
import { NetworkError } from './errors.ts'
import { channelBytes, MAX_FRAME_BYTES } from './frame.ts'
import { peerIdFromKey } from './identity.ts'

type OpenOptions = Parameters<PeerTransport['open']>[0]

/** An open channel: who its members are and where their messages go. */
export interface Channel {
  readonly name: string
  /** The name as it stands in a frame. */
  readonly bytes: Uint8Array
  /** Peer ids by oracle index. */
  readonly peers: readonly string[]
  readonly indexOf: ReadonlyMap<string, number>
  readonly self: number
  readonly maxMessageBytes: number
  readonly onMessage: OpenOptions['onMessage']
}

/** Room that a frame needs beside its payload, generously. */
const OVERHEAD_BYTES = 1024

/**
 * Checks the options of `open` and derives the members' peer ids.
 * Throws `NetworkError` `NET_CHANNEL_INVALID` or `NET_BAD_KEY`.
 */
export function channelOf(options: OpenOptions, selfId: string): Channel {
  const { channel: name, self, maxMessageBytes } = options
  const invalid = (reason: string, index?: number): NetworkError =>
    new NetworkError('NET_CHANNEL_INVALID', `Correct the members of channel ${name}: ${reason}`, {
      data: { channel: name, reason, ...(index === undefined ? {} : { index }) },
    })
  const bytes = channelBytes(name)
  if (bytes === null) throw invalid('its name must have 1 to 255 bytes')
  if (!Number.isInteger(maxMessageBytes) || maxMessageBytes < 1)
    throw invalid('maxMessageBytes must be positive')
  if (maxMessageBytes > MAX_FRAME_BYTES - OVERHEAD_BYTES) {
    throw invalid(`maxMessageBytes must be at most ${MAX_FRAME_BYTES - OVERHEAD_BYTES}`)
  }
  const peers = options.peers.map((key) => peerIdFromKey(key).toString())
  const indexOf = new Map<string, number>()
  for (const [index, peer] of peers.entries()) {
    if (indexOf.has(peer)) throw invalid(`peers ${indexOf.get(peer)} and ${index} have the same key`, index)
    indexOf.set(peer, index)
  }
  if (peers[self] !== selfId) throw invalid(`peers[${self}] is not this node's key`, self)
  return { name, bytes, peers, indexOf, self, maxMessageBytes, onMessage: options.onMessage }
}
