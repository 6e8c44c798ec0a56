// A thread of the quorum benchmark: some of a network's validators, with all that they need but the other threads.
import { parentPort, workerData } from 'node:worker_threads'
import { MemoryChain, MemoryHub } from '../../../test/quorum/memory/ports.ts'
import { measureBare } from './bare.ts'
import { Board, type BoardMemory } from './board.ts'
import { identityOf } from './identity.ts'
import { loopbackTransport } from './loopback.ts'
import type { Scenario } from './scenario.ts'
import { startValidator } from './validator.ts'

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
const hub = new MemoryHub(setImmediate)
const mine = identities.map((_, i) => i).filter((i) => i % threads === thread)

const stops = await Promise.all(
  mine.map(async (node) => {
    const transport =
      medium === 'memory'
        ? { transport: hub.transport(), stop: async () => {} }
        : await loopbackTransport({ seed, node, ports }, { board })
    const identity = identities[node]
    if (identity === undefined) throw new RangeError(`there is no validator ${node}`)
    const stop = await startValidator(
      { node, digests },
      { board, identity, chain, transport: transport.transport },
    )
    return async () => {
      await stop()
      await transport.stop()
    }
  }),
)

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
