import { systemClock } from '../adapters/clock/system.ts'
import { pinoLogger } from '../adapters/pino/pino-logger.ts'
import { type Database, openDatabase } from '../adapters/postgres/database.ts'
import { lockDatabase } from '../adapters/postgres/database-lock.ts'
import { startGuardian } from '../adapters/process/guardian.ts'
import { prometheusMetrics } from '../adapters/prometheus/prometheus-metrics.ts'
import type { NodeConfig } from '../config/schema.ts'
import { databaseUrl } from './database-url.ts'
import { Teardown } from './teardown.ts'

const STOP_MS = 12_000

/**
 * Opens a validator's database for `work`, with the lock that no running node gives away, and closes it again; starts
 * and stops the embedded server where the node has one. What it has to say goes to `stderr`: standard output is the
 * verb's. Rejects with `DatabaseError` (`DATABASE_LOCKED` while the node runs), `PostgresError`, `ConfigError`, the
 * signal's reason, or what `work` rejects with.
 */
export async function withValidatorDatabase<T>(
  config: NodeConfig,
  modules: { signal: AbortSignal; stderr: { write(text: string): unknown } },
  work: (database: Database) => Promise<T>,
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
    const guard = startGuardian({ log })
    teardown.add('guardian', () => guard.close())
    // Without the server every statement fails by itself, and says so.
    const url = await databaseUrl(config, { guard, log, teardown, onEnd: () => {} })
    const database = await openDatabase(
      { url, schema: config.database.schema, applicationName: config.name, signal },
      { log, metrics: prometheusMetrics() },
    )
    teardown.add('database', () => database.close())
    // A lock that is lost midway costs no safety: `work` holds what it reads and writes in one transaction.
    const lock = await lockDatabase({ onLost: () => {} }, { database, clock: systemClock, log })
    teardown.add('database lock', () => lock.release())
    signal.throwIfAborted()
    return await work(database)
  } finally {
    await teardown.run({
      timeoutMs: STOP_MS,
      onFault: (part, error) => log.warn({ part, err: error }, 'part did not stop cleanly'),
    })
  }
}
