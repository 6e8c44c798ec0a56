import { join } from 'node:path'
import { systemClock } from '../adapters/clock/system.ts'
import { pinoLogger } from '../adapters/pino/pino-logger.ts'
import { type Database, openDatabase } from '../adapters/postgres/database.ts'
import { lockDatabase } from '../adapters/postgres/database-lock.ts'
import { runningEmbeddedUrl } from '../adapters/postgres/embedded-running.ts'
import { startGuardian } from '../adapters/process/guardian.ts'
import { prometheusMetrics } from '../adapters/prometheus/prometheus-metrics.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { Logger } from '../ports/log.ts'
import { databaseUrl } from './database-url.ts'
import { Teardown } from './teardown.ts'

const STOP_MS = 12_000

interface Modules {
  readonly signal: AbortSignal
  readonly stderr: { write(text: string): unknown }
}

/**
 * Opens a validator's database for `work`, with the lock that no running node gives away, and closes it again; starts
 * and stops the embedded server where the node has one. What it has to say goes to `stderr`: standard output is the
 * verb's. Rejects with `DatabaseError` (`DATABASE_LOCKED` while the node runs), `PostgresError`, `ConfigError`, the
 * signal's reason, or what `work` rejects with.
 */
export function withValidatorDatabase<T>(
  config: NodeConfig,
  modules: Modules,
  work: (database: Database, log: Logger) => Promise<T>,
): Promise<T> {
  return withDatabase(config, { alone: true }, modules, work)
}

/** As `withValidatorDatabase`, but beside the running node as well, for what the two may do at once. */
export function withNodeDatabase<T>(
  config: NodeConfig,
  modules: Modules,
  work: (database: Database, log: Logger) => Promise<T>,
): Promise<T> {
  return withDatabase(config, { alone: false }, modules, work)
}

async function withDatabase<T>(
  config: NodeConfig,
  { alone }: { alone: boolean },
  modules: Modules,
  work: (database: Database, log: Logger) => Promise<T>,
): Promise<T> {
  const { signal, stderr } = modules
  const teardown = new Teardown()
  const log = pinoLogger({
    level: 'warn',
    format: config.log.format,
    destination: { write: (line) => void stderr.write(line) },
  })
  try {
    signal.throwIfAborted()
    const running =
      alone || config.database.mode !== 'embedded'
        ? null
        : await runningEmbeddedUrl({ dataDir: join(config.dataDir, 'postgres') })
    const url = running ?? (await ownServer())
    const database = await openDatabase(
      { url, schema: config.database.schema, applicationName: config.name, signal },
      { log, metrics: prometheusMetrics() },
    )
    teardown.add('database', () => database.close())
    if (alone) {
      // A lock that is lost midway costs no safety: `work` holds what it reads and writes in one transaction.
      const lock = await lockDatabase({ onLost: () => {} }, { database, clock: systemClock, log })
      teardown.add('database lock', () => lock.release())
    }
    signal.throwIfAborted()
    return await work(database, log)
  } finally {
    await teardown.run({
      timeoutMs: STOP_MS,
      onFault: (part, error) => log.warn({ part, err: error }, 'part did not stop cleanly'),
    })
  }

  async function ownServer(): Promise<string> {
    const guard = startGuardian({ log })
    teardown.add('guardian', () => guard.close())
    // Without the server every statement fails by itself, and says so.
    return databaseUrl(config, { guard, log, teardown, onEnd: () => {} })
  }
}
