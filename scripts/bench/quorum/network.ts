import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { MemoryChain } from '../../../test/quorum/memory/ports.ts'
import type { BareCosts } from './bare.ts'
import { Board } from './board.ts'
import type { HostData } from './host.ts'
import { contractOf, identityOf, TIMING } from './identity.ts'
import type { Scenario } from './scenario.ts'

/** Of 31 validators each reaches 30 others: 465 handshakes in one process. */
const START_MS = 240_000
const LOOK_MS = 5

/** The threads of a network that runs, and what they count. */
export class Network {
  readonly scenario: Scenario
  readonly board: Board
  readonly #workers: Worker[]
  #failure: Error | null = null
  /** Connections made until all were there; null before. */
  #whole: number | null = null

  private constructor(scenario: Scenario, board: Board, workers: Worker[]) {
    this.scenario = scenario
    this.board = board
    this.#workers = workers
    for (const worker of workers) {
      worker.on('error', (error) => {
        this.#failure ??= error instanceof Error ? error : new Error('a thread failed', { cause: error })
      })
    }
  }

  /** Resolves when every validator has opened its channels and reaches all others. */
  static async start(scenario: Scenario): Promise<Network> {
    const { n, duties, medium, threads } = scenario
    const board = Board.create(n, duties)
    const seed = randomBytes(32)
    const ports = medium === 'loopback' ? await freePorts(n) : []
    const configs = configsOf(scenario, seed)
    const workers = Array.from({ length: threads }, (_, thread) => {
      const workerData: HostData = { scenario, board: board.memory, seed, configs, thread, ports }
      return new Worker(new URL('./host.ts', import.meta.url), { workerData })
    })
    const network = new Network(scenario, board, workers)
    try {
      await network.until(
        'all validators reach one another',
        () => board.get('connected') === n * duties,
        START_MS,
      )
      network.#whole = board.get('reconnects')
    } catch (error) {
      await network.stop()
      throw error
    }
    return network
  }

  /** Looks again and again; rejects at the deadline or with what a thread failed of. */
  async until(what: string, done: () => boolean, deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs
    while (!done()) {
      if (this.#failure !== null) throw this.#failure
      if (this.#whole !== null && this.board.get('reconnects') !== this.#whole)
        throw new RangeError(`a connection was lost; is the machine too busy? Waited until ${what}`)
      if (performance.now() > deadline) throw new RangeError(`gave up waiting until ${what}`)
      await sleep(LOOK_MS)
    }
  }

  /** Costs of bare operations while all threads do them at once, as they do the rounds: mean of the threads. */
  async bareCosts(): Promise<BareCosts> {
    const all = await Promise.all(
      this.#workers.map(
        (worker) =>
          new Promise<BareCosts>((resolve, reject) => {
            worker.once('message', resolve)
            worker.once('error', reject)
            worker.postMessage('bare')
          }),
      ),
    )
    const mean = (name: keyof BareCosts) => all.reduce((sum, costs) => sum + costs[name], 0) / all.length
    return {
      ed25519Sign: mean('ed25519Sign'),
      ed25519Verify: mean('ed25519Verify'),
      secp256k1Sign: mean('secp256k1Sign'),
      secp256k1Recover: mean('secp256k1Recover'),
      secp256k1Check: mean('secp256k1Check'),
      sha256: mean('sha256'),
      keccak256: mean('keccak256'),
    }
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#workers.map(
        (worker) =>
          new Promise<void>((resolve) => {
            worker.once('exit', () => resolve())
            worker.postMessage('stop')
          }),
      ),
    )
  }
}

/** One contract for each duty, all with the same validators. */
function configsOf({ n, duties }: Scenario, seed: Uint8Array): MemoryChain['configs'] {
  const identities = Array.from({ length: n }, (_, i) => identityOf(seed, i))
  const chain = new MemoryChain()
  for (let duty = 0; duty < duties; duty++) {
    chain.setConfig(contractOf(duty), { identities, f: Math.floor((n - 1) / 3), timing: TIMING })
  }
  return chain.configs
}

/** Ports that the system just had to give. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer()
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
    return address.port
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
