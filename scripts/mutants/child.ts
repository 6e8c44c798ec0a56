import { type ChildProcess, spawn } from 'node:child_process'

export interface Ended {
  readonly code: number | null
  /** The last of stdout and stderr. */
  readonly output: string
  readonly timedOut: boolean
  readonly ms: number
}

const running = new Set<ChildProcess>()

/** A Node program in a process group of its own, so that what it starts ends with it. Never rejects for how it ends. */
export function runNode(
  args: readonly string[],
  options: { readonly cwd: string; readonly limitMs: number; readonly env?: NodeJS.ProcessEnv },
): Promise<Ended> {
  const { cwd, limitMs, env } = options
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(child)
    let output = ''
    let timedOut = false
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-20_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const timer = setTimeout(() => {
      timedOut = true
      end(child)
    }, limitMs)
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ code, output, timedOut, ms: performance.now() - began })
    })
  })
}

/** Ends every program that still runs, and what it started. */
export function endAll(): void {
  for (const child of running) end(child)
}

function end(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
