import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import type { Logger } from '../../ports/log.ts'
import { IndexError } from './errors.ts'
import { forwardLines, type LogLine } from './log-lines.ts'

export interface ChildOptions {
  /** The indexer's folder. */
  readonly root: string
  readonly databaseUrl: string
  /** File of the indexer's configuration; its folder is the child's working directory. */
  readonly configPath: string
  readonly schema: string
  readonly port: number
}

/** The installed Ponder. Throws `INDEX_BAD_OPTIONS` when there is none. */
export function installedPonder(): {
  readonly version: string
  readonly program: string
  readonly packageFile: string
} {
  const path = findPackageJSON('ponder', import.meta.url)
  if (path === undefined) {
    throw new IndexError('INDEX_BAD_OPTIONS', 'Ponder is not installed. Install the dependencies.', {
      data: {},
    })
  }
  const { version, bin } = JSON.parse(readFileSync(path, 'utf8')) as {
    version: string
    bin: { ponder: string }
  }
  return { version, program: join(dirname(path), bin.ponder), packageFile: path }
}

/** Starts `ponder start` with its output in the log. In a process group of its own: a terminal's Ctrl-C is ours. */
export function spawnPonder(
  options: ChildOptions,
  modules: { log: Logger; clean: (value: unknown) => unknown; seen(line: LogLine): void },
): ChildProcess {
  const child = spawn(
    process.execPath,
    [
      // Ponder's own use of pg; nothing that an operator could do about it.
      '--disable-warning=DeprecationWarning',
      ...['--import', new URL('./end-with-parent.ts', import.meta.url).href],
      ...['--import', new URL('./tell-gone-blocks.ts', import.meta.url).href],
      installedPonder().program,
      ...['--root', options.root, '--log-format', 'json', '--log-level', 'info', 'start'],
      // The views are moved by us, see flip.ts.
      ...['--schema', options.schema, '--hostname', '127.0.0.1', '--port', `${options.port}`],
    ],
    {
      // Ponder reads `.env.local` of its working directory: this one is the node's own.
      cwd: dirname(options.configPath),
      detached: process.platform !== 'win32',
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...passedOn('PATH', 'HOME', 'TMPDIR', 'SystemRoot', 'TEMP', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'),
        ...passedOn('NODE_COMPILE_CACHE'),
        NODE_ENV: 'production',
        PONDER_TELEMETRY_DISABLED: 'true',
        DATABASE_URL: options.databaseUrl,
        IYI_INDEXER_CONFIG: options.configPath,
      },
    },
  )
  if (child.stdout !== null) forwardLines(child.stdout, { fallbackLevel: 30 }, modules)
  if (child.stderr !== null) forwardLines(child.stderr, { fallbackLevel: 40 }, modules)
  return child
}

/** Ends the child and what it started, at once. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    if (process.platform === 'win32') child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It ended in this moment.
  }
}

function passedOn(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
