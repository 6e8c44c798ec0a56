import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { killAll, processTree } from './processes.ts'
import { until } from './until.ts'

export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url))

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A command of the project that runs as a child. */
export interface Program {
  readonly pid: number
  readonly exited: Promise<Exit>
  readonly hasEnded: () => boolean
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves with the exit; rejects, with what it printed, when it goes on beyond the deadline. */
  ended(withinMs: number): Promise<Exit>
  signal(name: NodeJS.Signals): void
  /** The end of it and of everything below it, whatever state it is in: for clean-up. */
  destroy(): Promise<void>
}

/** `iyi <args>`, through the same door as `npm start`. */
export function iyi(args: readonly string[]): Program {
  return program(process.execPath, [join(projectRoot, 'scripts', 'run.mjs'), ...args])
}

export function program(command: string, args: readonly string[]): Program {
  // A started node must not inherit what this test run or its npm were told.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_|VITEST|NODE_ENV$|NODE_OPTIONS$|IYI_|DATABASE_)/.test(name),
    ),
  )
  const child = spawn(command, args, { cwd: projectRoot, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const { pid } = child
  if (pid === undefined) throw new Error(`${command} can not be started`)
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  let exit: Exit | undefined
  const exited = new Promise<Exit>((resolve) => {
    // `close`, not `exit`: by then everything it printed is here.
    child.on('close', (code, signal) => {
      exit = { code, signal }
      resolve(exit)
    })
  })
  return {
    pid,
    exited,
    hasEnded: () => exit !== undefined,
    stdout: () => stdout,
    stderr: () => stderr,
    ended: (withinMs) =>
      until(`${args.join(' ')} ends`, () => exit, {
        withinMs,
        saw: () => `${stdout}\n${stderr}`.slice(-2_000),
      }),
    signal: (name) => child.kill(name),
    async destroy() {
      // Stopped first, so that what is below can not be orphaned between the look and the end.
      const tree = processTree(pid)
      child.kill('SIGKILL')
      killAll(tree)
      if (exit === undefined) await exited
    },
  }
}
