import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../ports/log.ts'
import type { PostgresBinaries } from './embedded-binaries.ts'
import { type Launch, launchOptions } from './embedded-cluster.ts'
import { PostgresError } from './errors.ts'

const settings = (port: number): string[] =>
  [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=128MB',
    // The signing history must survive a crash of the machine: a commit returns when it is on disk.
    'synchronous_commit=on',
    'fsync=on',
    'full_page_writes=on',
    'timezone=UTC',
    'log_timezone=UTC',
    'jit=off',
    'log_line_prefix=%b ',
    // A failed statement's text could hold a value that does not belong in a log.
    'log_min_error_statement=panic',
    'log_statement=none',
  ].flatMap((setting) => ['-c', setting])

const stopSteps: readonly (readonly [NodeJS.Signals, number])[] = [
  // PostgreSQL's signals: INT is the fast shutdown, QUIT the immediate one (recovers at next start).
  ['SIGINT', 30_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
]

/** The server's process. */
export interface Server {
  readonly child: ChildProcess
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** The last lines the server said. */
  output(): string
  /** Asks it to end. What it says of the connections that it cuts is no failure from now on. */
  end(signal: NodeJS.Signals): void
}

/** Spawns the server; returns at once. Its log goes to `log`, on level debug, failures as warnings. */
export function launchServer(
  { dataDir, port }: { dataDir: string; port: number },
  { binaries, launch, log }: { binaries: PostgresBinaries; launch: Launch; log: Logger },
): Server {
  const { cwd, dataArgument, identity, env } = launchOptions(dataDir, launch)
  const child = spawn(binaries.postgres, ['-D', dataArgument, ...settings(port)], {
    cwd,
    env,
    ...identity,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Its own process group: Ctrl-C in a terminal must reach the node only, which ends the database last.
    detached: process.platform !== 'win32',
  })
  let kept = ''
  let rest = ''
  let isEnding = false
  child.stderr?.on('data', (chunk: Buffer) => {
    kept = (kept + chunk.toString()).slice(-8000)
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (/\b(FATAL|PANIC):/.test(line) && !isEnding) log.warn({ line }, 'PostgreSQL reports')
      else log.debug({ line }, 'PostgreSQL reports')
    }
  })
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done) => {
    child.once('error', (error) => {
      kept += `${error.message}\n`
      done({ code: null, signal: null })
    })
    child.once('close', (code, signal) => done({ code, signal }))
  })
  return {
    child,
    exited,
    output: () => kept,
    end(signal) {
      isEnding = true
      child.kill(signal)
    },
  }
}

/** The error that the server's last words amount to. */
export function startFailure(output: string, data: { dataDir: string; port: number }): PostgresError {
  if (/could not bind .*in use|Address already in use/.test(output)) {
    return new PostgresError(
      'POSTGRES_PORT_TAKEN',
      `Port ${data.port} on 127.0.0.1 is taken. Stop the program that holds it, or set another database port.`,
      { data },
    )
  }
  return new PostgresError(
    'POSTGRES_START_FAILED',
    'PostgreSQL ended while it started; its own words are in the data of this error.',
    { data: { ...data, output } },
  )
}

/** Ends the server, gently first; resolves when it is gone. */
export async function endServer({ child, exited, end }: Server): Promise<void> {
  if (child.pid === undefined) return
  for (const [signal, patienceMs] of stopSteps) {
    if (child.exitCode !== null || child.signalCode !== null) break
    end(signal)
    const giveUp = new AbortController()
    const late = delay(patienceMs, 'late' as const, { signal: giveUp.signal }).catch(() => 'late' as const)
    const result = await Promise.race([exited, late])
    giveUp.abort()
    if (result !== 'late') break
  }
  await exited
}
