import { systemClock } from '../../../node/adapters/clock/system.ts'
import { identityFromSeed } from '../../../node/adapters/libp2p/identity.ts'
import { libp2pTransport } from '../../../node/adapters/libp2p/transport.ts'
import type { PeerTransport } from '../../../node/ports/network.ts'
import { silentLog } from '../../../test/quorum/memory/ports.ts'
import type { Board } from './board.ts'
import { secretOf } from './identity.ts'
import { boardMetrics } from './metrics.ts'

/** A validator's own libp2p node on loopback, as a real one would have it. */
export async function loopbackTransport(
  options: { readonly seed: Uint8Array; readonly node: number; readonly ports: readonly number[] },
  modules: { readonly board: Board },
): Promise<{ readonly transport: PeerTransport; readonly stop: () => Promise<void> }> {
  const { seed, node, ports } = options
  const transport = libp2pTransport(
    {
      listen: [`/ip4/127.0.0.1/tcp/${ports[node]}`],
      // Each dials those before it: a handshake a pair, and none at a closed door.
      peers: ports.slice(0, node).map((port, i) => {
        const { peerId } = identityFromSeed(secretOf(seed, i, 'peer'))
        return `/ip4/127.0.0.1/tcp/${port}/p2p/${peerId.toString()}`
      }),
      privateKeySeed: secretOf(seed, node, 'peer'),
    },
    { clock: systemClock, log: silentLog, metrics: boardMetrics(modules.board, node) },
  )
  await transport.start()
  return { transport, stop: () => transport.stop() }
}
