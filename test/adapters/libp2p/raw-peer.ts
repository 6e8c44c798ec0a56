import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { identityFromSeed } from '../../../node/adapters/libp2p/identity.ts'
import { PROTOCOL } from '../../../node/adapters/libp2p/link.ts'

/** A libp2p node without our rules: what a hostile or broken peer can do. */
export async function rawPeer(
  seed: Uint8Array,
  onStream: (stream: Stream) => void = () => {},
): Promise<Libp2p> {
  const node = await createLibp2p({
    privateKey: identityFromSeed(seed).privateKey,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
  })
  await node.handle(PROTOCOL, onStream)
  return node
}

/** Dials an address and opens a quorum stream. */
export async function rawStream(node: Libp2p, address: string): Promise<Stream> {
  return await node.dialProtocol(multiaddr(address), PROTOCOL, { signal: AbortSignal.timeout(5_000) })
}
