import { join } from 'node:path'
import { type Kind, NOW } from '../../adversary/kinds.ts'
import { type DutyView, get } from './http.ts'
import type { Network } from './network.ts'
import { type Program, program, projectRoot } from './program.ts'
import { until } from './until.ts'
import { PRICE, ready, startNode, stop, variant } from './validator.ts'
import { type Wires, wireUp } from './wires.ts'

/** On two cores that others use as well; all of them start at once. */
const READY_MS = 120_000

/** The validators of a network, whoever started them. */
export interface Fleet {
  readonly indices: readonly number[]
  readonly f: number
  api(index: number): string
  admin(index: number): string
  /** Those that can be parted from the rest from their next start on: the last ones, the smaller half. */
  readonly half: readonly number[]
  wireUp(): Promise<void>
  /** Throws before. */
  readonly wires: Wires
  /** Ends those that were started over wires, and the wires: their ports are free. */
  unwire(): Promise<void>
  /** Takes over one that somebody else started by hand. */
  adopt(index: number, node: Program): void
  /** SIGKILL to all of them, and they are gone. */
  kill(indices: readonly number[]): Promise<void>
  /** SIGTERM to all of them, and they have stopped. */
  stop(indices: readonly number[]): Promise<void>
  /**
   * Starts them all at once, each as the test build where kinds are named: that begins with the first. Resolves when
   * they are ready.
   */
  start(validators: Readonly<Record<number, readonly Kind[] | 'honest'>>): Promise<void>
  /** The test build goes on to its next kind. */
  next(index: number): Promise<void>
  /** Where a validator stands in the price feed's quorum. */
  duty(index: number): Promise<DutyView>
}

export function fleet(net: Network): Fleet {
  const running = new Map<number, Program>()
  let wires: Wires | null = null
  const self: Fleet = {
    get indices() {
      return [...net.description.api.keys()]
    },
    get f() {
      return Math.floor((self.indices.length - 1) / 3)
    },
    api: (index) => net.description.api[index] ?? '',
    admin: (index) => net.description.admin[index] ?? '',
    get half() {
      return self.indices.slice(Math.ceil(self.indices.length / 2))
    },
    async wireUp() {
      wires = await wireUp(net, self.half)
    },
    get wires() {
      if (wires === null) throw new Error('there are no wires yet')
      return wires
    },
    async unwire() {
      await self.stop([...running.keys()])
      await wires?.close()
    },
    adopt: (index, node) => void running.set(index, node),
    async kill(indices) {
      await Promise.all(
        indices.map((index) => running.get(index)?.destroy() ?? signalToDevnets(net, index, 'SIGKILL')),
      )
    },
    async stop(indices) {
      await Promise.all(
        indices.map(async (index) => {
          const node = running.get(index)
          await (node === undefined ? signalToDevnets(net, index, 'SIGTERM') : stop(node))
        }),
      )
    },
    async start(validators) {
      const started = Object.entries(validators).map(async ([key, as]) => {
        const index = Number(key)
        await wires?.takeOver(index)
        const config = variant(net, index, 'fleet', (config) => {
          config.network = wires?.settings(index) ?? config.network
        })
        const node = as === 'honest' ? startNode(net, config) : startAdversary(net, config, as)
        running.set(index, node)
        await ready(node, self.api(index), READY_MS)
      })
      await Promise.all(started)
    },
    async next(index) {
      const node = running.get(index)
      const said = () => node?.stdout().split(NOW).length ?? 0
      const before = said()
      node?.signal('SIGUSR2')
      await until(`validator ${index} goes on to its next kind`, () => said() > before, { withinMs: 10_000 })
    },
    async duty(index) {
      const { duties } = await get<{ duties: DutyView[] }>(`${self.api(index)}/v1/node`)
      const found = duties.find(({ dutyId }) => dutyId.endsWith(`/${PRICE}`))
      if (found === undefined) throw new Error(`validator ${index} has no duty ${PRICE}`)
      return found
    },
  }
  return self
}

/** The test build: `iyi start` with `--adversary`. */
function startAdversary(net: Network, config: string, kinds: readonly Kind[]): Program {
  const main = join(projectRoot, 'test', 'adversary', 'main.ts')
  const node = program(process.execPath, [main, 'start', '--config', config, '--adversary', ...kinds])
  net.onDispose(() => node.destroy())
  return node
}

/** One that the devnet started, and tells of when it has ended. */
async function signalToDevnets(net: Network, index: number, signal: NodeJS.Signals): Promise<void> {
  process.kill(net.description.pids[`validator-${index}`] ?? 0, signal)
  await until(
    `the devnet tells that validator ${index} ended`,
    () => net.devnet.stdout().includes(`validator-${index} ended (`),
    { withinMs: 15_000, saw: () => net.devnet.stdout().slice(-1_000) },
  )
}
