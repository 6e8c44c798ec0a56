import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { PROJECT_ROOT } from '../artifacts.ts'

const READY_MS = 180_000

/** What `devnet.json` says, as far as the benchmarks look. */
export interface Devnet {
  readonly dir: string
  readonly chains: readonly { id: number; rpc: string }[]
  readonly api: readonly string[]
  readonly contracts: Readonly<Record<string, Readonly<Record<string, Hex>>>>
  readonly feeds: readonly { id: string; chainId: number; address: Hex }[]
}

/** Runs `use` beside a devnet of four validators on this machine, which ends with it. */
export async function withDevnet<T>(use: (net: Devnet) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'iyi-bench-'))
  const base = await freePortBase()
  const child = spawn(
    process.execPath,
    [join(PROJECT_ROOT, 'node', 'main.ts'), 'devnet', '--dir', join(dir, 'net'), '--port-base', String(base)],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  )
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  try {
    const description = await untilReady(join(dir, 'net', 'devnet.json'), () => child.exitCode)
    return await use({ ...description, dir: join(dir, 'net') })
  } finally {
    child.kill('SIGTERM')
    await ended
    rmSync(dir, { recursive: true, force: true })
  }
}

async function untilReady(path: string, exitCode: () => number | null): Promise<Omit<Devnet, 'dir'>> {
  const deadline = performance.now() + READY_MS
  while (performance.now() < deadline && exitCode() === null) {
    try {
      return JSON.parse(readFileSync(path, 'utf8'))
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
  throw new Error('the devnet of the benchmark did not come up')
}

/** A block of ports that is likely free: from a port that the system just gave out. */
function freePortBase(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 30_000
      server.close(() => resolve(Math.min(port, 60_000)))
    })
  })
}
