import type { NodeKeys } from '../adapters/keystore/keys.ts'
import { libp2pTransport } from '../adapters/libp2p/transport.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { ContentService } from '../content/content-service.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import { contentRate, nodeContents } from './contents.ts'
import { wantedModels } from './models/fetch-wanted.ts'
import type { Teardown } from './teardown.ts'

/** What talks to the other validators, and what it brings: contents by hash, and models that the operator wants of them. */
export async function nodePeers(
  config: NodeConfig,
  modules: {
    readonly keys: NodeKeys
    readonly teardown: Teardown
    readonly signal: AbortSignal
    readonly log: Logger
    readonly metrics: Metrics
    readonly clock: Clock
  },
): Promise<{ readonly transport: ReturnType<typeof libp2pTransport>; readonly contents: ContentService }> {
  const { keys, teardown, signal, ...common } = modules
  const transport = libp2pTransport(
    {
      ...{ listen: config.network.listen, peers: config.network.peers, privateKeySeed: keys.peer.seed },
      contentBytesPerSecond: contentRate(config),
    },
    common,
  )
  signal.throwIfAborted()
  await transport.start()
  teardown.add('peer transport', () => transport.stop())
  const contents = nodeContents(config, { peers: transport.contents, ...common })
  teardown.add('contents', () => contents.stop())
  await contents.start()
  const wanted = wantedModels(config, { contents, ...common })
  teardown.add('wanted models', () => wanted.stop())
  wanted.start()
  return { transport, contents }
}
