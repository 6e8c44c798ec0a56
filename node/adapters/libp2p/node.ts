import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Connection, ConnectionGater, Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { CONTENT_PROTOCOL, CONTENT_STREAMS } from './content-exchange.ts'
import { NetworkError } from './errors.ts'
import type { identityFromSeed } from './identity.ts'
import { PROTOCOL } from './link.ts'

/** Of one connection: a quorum stream, one that replaces it, two for contents, and pings. */
const MAX_INBOUND_STREAMS = 16
/** Under way and not read yet: what a round trip of a continent takes at 50 MB/s. */
const STREAM_BYTES = 4 * 1024 * 1024

type OnStream = (stream: Stream, connection: Connection) => void

/** A libp2p node of TCP, noise and yamux that listens, with both protocols. Rejects with `NetworkError` `NET_LISTEN_FAILED`. */
export async function startNode(
  options: {
    readonly identity: ReturnType<typeof identityFromSeed>
    readonly listen: readonly Multiaddr[]
  },
  modules: {
    readonly gate: ConnectionGater
    readonly onConnection: (connection: Connection) => void
    readonly onDisconnection: (connection: Connection) => void
    readonly onStream: { readonly quorum: OnStream; readonly content: OnStream }
  },
): Promise<Libp2p> {
  const { gate, onConnection, onDisconnection, onStream } = modules
  const node = await createLibp2p({
    privateKey: options.identity.privateKey,
    addresses: { listen: options.listen.map((address) => address.toString()) },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: MAX_INBOUND_STREAMS,
        streamOptions: { maxStreamWindowSize: STREAM_BYTES, maxReadBufferLength: STREAM_BYTES },
      }),
    ],
    connectionGater: gate,
    connectionManager: {
      // A whole network restarting behind one address (NAT, one machine) is no attack; strangers fall at the gate.
      inboundConnectionThreshold: 64,
      maxIncomingPendingConnections: 64,
      inboundUpgradeTimeout: 5_000,
    },
    connectionMonitor: { pingInterval: 5_000, pingTimeout: { minTimeout: 10_000 } },
    start: false,
  })
  node.addEventListener('connection:open', (event) => onConnection(event.detail))
  node.addEventListener('connection:close', (event) => onDisconnection(event.detail))
  // One is used; a second may overlap while a peer moves to a new stream.
  await node.handle(PROTOCOL, onStream.quorum, { maxInboundStreams: 4, maxOutboundStreams: 4 })
  const streams = { maxInboundStreams: CONTENT_STREAMS, maxOutboundStreams: CONTENT_STREAMS }
  await node.handle(CONTENT_PROTOCOL, onStream.content, streams)
  try {
    await node.start()
  } catch (error) {
    await node.stop()
    const address = options.listen.map((each) => each.toString()).join(', ')
    const reason = error instanceof Error ? error.message : 'unknown'
    throw new NetworkError(
      'NET_LISTEN_FAILED',
      `Free the port or change the listen address: cannot listen on ${address}`,
      { data: { address, reason } },
    )
  }
  return node
}
