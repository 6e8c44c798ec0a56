// A thread of the quorum benchmark: some of a network's validators, with all that they need but the other threads.
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { nativeVerification } from '../../../node/quorum/consensus-key.ts'
import { MemoryChain, MemoryHub } from '../../../test/quorum/memory/ports.ts'
import { measureBare } from './bare.ts'
import { Board, type BoardMemory } from './board.ts'
import { identityOf } from './identity.ts'
import { loopbackTransport } from './loopback.ts'
import type { Scenario } from './scenario.ts'
import { LOOK_MS, startValidator } from './validator.ts'

export interface HostData {
  readonly scenario: Scenario
  readonly board: BoardMemory
  /** Keys of all validators come from it. */
  readonly seed: Uint8Array
  /** What the chain says of each duty's contract, in their order. */
  readonly configs: MemoryChain['configs']
  /** This thread runs validators `thread`, `thread + threads`, ... */
  readonly thread: number
  /** TCP port of each validator; unused in memory. */
  readonly ports: readonly number[]
}

const { scenario, board: memory, seed, configs, thread, ports }: HostData = workerData
const board = new Board(memory)
const { n, medium, threads } = scenario
const digests = [...configs.values()].map(({ digest }) => digest)
const identities = Array.from({ length: n }, (_, i) => identityOf(seed, i))
const chain = new MemoryChain()
for (const [address, config] of configs) chain.configs.set(address, config)
chain.head_ += 2n
// Tables of keys are one's own in a real network, and fit its caches: not a copy for each of these validators.
const verification = nativeVerification()
const hub = new MemoryHub(setImmediate)

// In their order over all threads.
const stops: (() => Promise<void>)[] = []
for (const [node, identity] of identities.entries()) {
  if (node % threads !== thread) continue
  while (board.get('opened') < node * digests.length) await sleep(LOOK_MS)
  const { transport, stop: stopTransport } =
    medium === 'memory'
      ? { transport: hub.transport(), stop: async () => {} }
      : await loopbackTransport({ seed, node, ports }, { board })
  const stop = await startValidator({ node, digests }, { board, identity, chain, verification, transport })
  stops.push(async () => {
    await stop()
    await stopTransport()
  })
}

parentPort?.on('message', (message: 'bare' | 'stop') => {
  if (message === 'bare') {
    parentPort?.postMessage(measureBare())
    return
  }
  Promise.all(stops.map((stop) => stop())).then(
    () => parentPort?.close(),
    (error: unknown) => {
      throw error
    },
  )
})
