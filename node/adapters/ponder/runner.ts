import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Health } from '../../ports/health.ts'
import type { Logger } from '../../ports/log.ts'
import type { Counter } from '../../ports/metrics.ts'
import type { ProcessGuard } from '../../ports/process.ts'
import { urlOf } from '../../ports/rpc-endpoint.ts'
import { progressIn } from './build-progress.ts'
import { killGroup, spawnPonder } from './child.ts'
import type { IndexerConfig } from './indexer-config.ts'
import type { LogLine } from './log-lines.ts'
import { checkedSchema } from './names.ts'
import { secretRedactor } from './redact.ts'

export interface PonderRunnerOptions {
  /** The indexer's folder. */
  readonly root: string
  readonly databaseUrl: string
  readonly config: IndexerConfig
  /** Where to write the configuration for the child; readable by this account only. Its folder is the child's. */
  readonly configPath: string
  /** Where the child writes; one child a schema. */
  readonly schema: string
  /** Of Ponder's own server on the loopback interface; Ponder takes the next free one when it is taken. */
  readonly port: number
  /**
   * Told once of each chain that was reorganised deeper than Ponder can follow. Ponder itself ends and, started again,
   * goes on with the rows of the blocks that are gone: whoever reads them must stop.
   */
  readonly onDeepReorg?: (chainId: number, reason: string) => void
}

export interface PonderRunnerModules {
  readonly clock: Clock
  readonly log: Logger
  /** Counts every time that the child is started again. */
  readonly restarts: Counter
  readonly guard: ProcessGuard
}

export interface PonderRunner {
  readonly schema: string
  /** Starts Ponder and keeps it running; resolves once it was started. */
  start(): Promise<void>
  /** Asks Ponder to end; when `deadline` aborts, ends it and what it started. Resolves when it is gone. */
  stop(deadline: AbortSignal): Promise<void>
  /** Ends a child that follows live blocks and stands still; it is started again like one that ended by itself. False for any other. */
  restart(why: string): boolean
  /** The backfill is done and live blocks are followed. */
  ready(): boolean
  /** Share of the backfill that is done, 0 to 1; null before Ponder has told. */
  progress(): number | null
  health(): Health
  /** Process id of the running child; null between two runs. */
  pid(): number | null
}

const firstDelayMs = 500
const maxDelayMs = 30_000
/** A run that was ready for so long ends a row of failures. */
const steadyMs = 60_000
/** So many failures in a row are not going to pass by themselves. */
const failureLimit = 3
const keptErrors = 5
/** How long after its end the rest of a child's output is waited for. */
const outputLimitMs = 1_000

/**
 * Runs one build of the index as a child and starts it again whenever it ends, after a delay that doubles from 0.5 s to
 * 30 s, with jitter. A Ponder that was killed leaves its schema locked for up to 25 s; the next one waits for that by itself.
 */
export function ponderRunner(
  options: PonderRunnerOptions,
  { clock, log, restarts, guard }: PonderRunnerModules,
): PonderRunner {
  const root = resolve(options.root)
  const configPath = resolve(options.configPath)
  const schema = checkedSchema(options.schema)
  const clean = secretRedactor([
    options.databaseUrl,
    ...options.config.chains.flatMap(({ rpc }) => rpc.map(urlOf)),
  ])
  const childLog = log.child({ program: 'ponder' })

  let child: ChildProcess | null = null
  let gone: Promise<void> = Promise.resolve()
  let restart: Timer | null = null
  let stopping = false
  let readySince: number | null = null
  let failures = 0
  let errors: string[] = []
  let progress: number | null = null
  const deepReorgs = new Map<number, string>()

  function seen(line: LogLine): void {
    const { level, msg, fields } = line
    progress = progressIn(line) ?? progress
    if (msg === 'Started returning 200 responses' && fields.endpoint === '/ready') becomeReady()
    if (msg === 'Encountered unrecoverable reorg') deepReorg(fields)
    if (level >= 40) errors = [...errors, errorText(msg, fields)].slice(-keptErrors)
  }

  function deepReorg({ chain, chain_id: id, finalized_block: block }: LogLine['fields']): void {
    if (typeof id !== 'number' || deepReorgs.has(id)) return
    const reason = `${String(chain)} was reorganised below block ${String(block)}, deeper than its indexer can follow; stop the node and run "iyi index recover --chain ${id}"`
    deepReorgs.set(id, reason)
    options.onDeepReorg?.(id, reason)
  }

  function becomeReady(): void {
    readySince = clock.monotonic()
    errors = []
  }

  function run(): void {
    restart = null
    const started = spawnPonder(
      { root, databaseUrl: options.databaseUrl, configPath, schema, port: options.port },
      { log: childLog, clean, seen },
    )
    child = started
    if (started.pid !== undefined) guard.watch(started.pid)
    gone = new Promise((resolve) => {
      started.once('error', (error) => {
        errors = [...errors, error.message].slice(-keptErrors)
        if (started.pid === undefined) ended(started, 'did not start', resolve)
      })
      // `close` comes once its output is read to the end, so its last words are in `errors`; but not before a program
      // of its own that shares the pipe has ended, so there is a limit to that.
      started.once('exit', (code, signal) => {
        const how = `ended with ${signal ?? code}`
        const limit = clock.setTimer(outputLimitMs, () => ended(started, how, resolve))
        started.once('close', () => {
          limit.cancel()
          ended(started, how, resolve)
        })
      })
    })
    log.info({ schema, pid: started.pid }, 'Start the indexer')
  }

  function ended(which: ChildProcess, how: string, resolve: () => void): void {
    if (child !== which) return
    child = null
    if (which.pid !== undefined) guard.release(which.pid)
    const steady = readySince !== null && clock.monotonic() - readySince >= steadyMs
    readySince = null
    resolve()
    if (stopping) return
    failures = steady ? 1 : failures + 1
    const delayMs = Math.min(firstDelayMs * 2 ** (failures - 1), maxDelayMs) * (0.75 + Math.random() / 2)
    log.warn(
      { how, failures, delayMs: Math.round(delayMs), lastErrors: errors },
      'Start the indexer again soon',
    )
    restarts.inc()
    restart = clock.setTimer(delayMs, run)
  }

  function health(): Health {
    // Started again it runs, but what it has of that chain is wrong.
    if (deepReorgs.size > 0) return { status: 'failed', reason: [...deepReorgs.values()].join('; ') }
    const last = errors.length === 0 ? 'see its log lines' : errors.join(' | ')
    if (failures >= failureLimit && readySince === null) {
      return {
        status: 'failed',
        reason: `the indexer ended ${failures} times in a row; correct what it says: ${last}`,
      }
    }
    if (readySince !== null) return { status: 'ok', detail: `indexing into ${schema}` }
    if (child === null)
      return { status: 'degraded', reason: `the indexer is not running and starts again soon: ${last}` }
    return { status: 'degraded', reason: 'the indexer reads the chains up to now; wait until it is ready' }
  }

  return {
    schema,
    async start() {
      mkdirSync(dirname(configPath), { recursive: true })
      writeFileSync(configPath, `${JSON.stringify(options.config, null, 2)}\n`, { mode: 0o600 })
      // The mode of a new file does not change one that was there.
      chmodSync(configPath, 0o600)
      run()
    },
    async stop(deadline) {
      stopping = true
      restart?.cancel()
      const running = child
      if (running === null) return
      const kill = (): void => killGroup(running)
      deadline.addEventListener('abort', kill, { once: true })
      running.kill('SIGTERM')
      if (deadline.aborted) kill()
      await gone
      deadline.removeEventListener('abort', kill)
      log.info({ schema }, 'Indexer ended')
    },
    restart(why) {
      if (child === null || stopping || readySince === null) return false
      errors = [...errors, why].slice(-keptErrors)
      log.warn({ schema, why }, 'End an indexer that stands still')
      killGroup(child)
      return true
    },
    ready: () => readySince !== null,
    progress: () => progress,
    health,
    pid: () => child?.pid ?? null,
  }
}

function errorText(msg: string, { err }: LogLine['fields']): string {
  const inner = typeof err === 'object' && err !== null && 'message' in err ? `: ${String(err.message)}` : ''
  return `${msg}${inner}`.slice(0, 500)
}
