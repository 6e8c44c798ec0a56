import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePortBase } from './ports.ts'
import { alive, killAll, type Process, processTree } from './processes.ts'
import { iyi, type Program } from './program.ts'
import { until } from './until.ts'

/** On two busy cores; an idle machine needs a quarter of it. */
export const START_MS = 150_000
export const START_SEVEN_MS = 260_000

/** `devnet.json`, written down here once more on purpose: it is a promise to programs outside. */
export interface Description {
  api: string[]
  admin: string[]
  chains: { id: number; name: string; rpc: string }[]
  contracts: Record<string, Record<string, `0x${string}`>>
  feeds: { id: string; chainId: number; address: `0x${string}`; decimals: number }[]
  pids: Record<string, number>
}

/** One devnet on ports and in a folder of its own, for as long as a test file needs it. */
export interface Network {
  readonly dir: string
  readonly base: number
  /** Throws before `start`. */
  readonly description: Description
  readonly devnet: Program
  start(): Promise<void>
  /** Every process of it, the lead's own included, as of now. */
  processes(): Process[]
  /** Cleaned up with the network, in reverse. */
  onDispose(clean: () => Promise<unknown>): void
  dispose(): Promise<void>
}

export async function network({ validators = 4 } = {}): Promise<Network> {
  const home = await mkdtemp(join(tmpdir(), 'iyi-e2e-'))
  // As root, PostgreSQL runs as an account of its own and must get through to its data.
  await chmod(home, 0o755)
  const dir = join(home, 'net')
  const base = await freePortBase()
  const cleaning: (() => Promise<unknown>)[] = []
  let devnet: Program | undefined
  let description: Description | undefined
  const started: Process[] = []

  const self: Network = {
    dir,
    base,
    get devnet() {
      if (devnet === undefined) throw new Error('the devnet was not started')
      return devnet
    },
    get description() {
      if (description === undefined) throw new Error('the devnet is not ready')
      return description
    },
    async start() {
      description = undefined
      const running = iyi([
        ...['devnet', '--dir', dir, '--port-base', String(base), '--seed', '7'],
        ...['--validators', String(validators)],
      ])
      devnet = running
      await until(
        'the devnet is ready',
        () => {
          if (running.hasEnded()) return true
          return running.stdout().includes('Ctrl-C ends everything')
        },
        {
          withinMs: validators > 4 ? START_SEVEN_MS : START_MS,
          saw: () => `${running.stdout()}\n${running.stderr()}`,
        },
      )
      if (running.hasEnded()) throw new Error(`the devnet ended: ${running.stdout()}\n${running.stderr()}`)
      description = JSON.parse(readFileSync(join(dir, 'devnet.json'), 'utf8')) as Description
      started.push(...processTree(running.pid))
    },
    processes: () => processTree(self.devnet.pid),
    onDispose: (clean) => void cleaning.push(clean),
    async dispose() {
      const failures: unknown[] = []
      for (const clean of cleaning.reverse()) await clean().catch((error) => failures.push(error))
      if (devnet !== undefined && !devnet.hasEnded()) {
        devnet.signal('SIGTERM')
        await devnet.ended(20_000).catch(() => devnet?.destroy())
      }
      killAll(started)
      await until('every process of the network is gone', () => alive(started).length === 0, {
        withinMs: 5_000,
      })
      if (existsSync(home)) await rm(home, { recursive: true, force: true })
      if (failures.length > 0) throw new AggregateError(failures, 'not everything could be cleaned up')
    },
  }
  return self
}
