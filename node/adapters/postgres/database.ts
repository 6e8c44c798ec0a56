import pg from 'pg'
import type { Health } from '../../ports/health.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { checkUrl, toDatabaseError, waitForServer } from './connection.ts'
import { DatabaseError } from './errors.ts'
import { sqlState } from './failures.ts'
import { applyMigrations, type Migration, MigrationChanged, quoteName } from './migrate.ts'
import { nodeMigrations } from './node-migrations.ts'
import { typeParsers } from './sql-types.ts'

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`. Never logged. */
  readonly url: string
  /** The node's schema; made if absent. Lower-case letters, digits and `_`; keep it short, plugins' schemas add their ids. */
  readonly schema: string
  /** Most connections at once; 10 when absent. */
  readonly poolSize?: number
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** How long to wait for a server that does not answer yet; 30,000 when absent. */
  readonly connectTimeoutMs?: number
  /** Ends that wait. */
  readonly signal?: AbortSignal
  /** Longest time of one statement; 30,000 when absent. */
  readonly statementTimeoutMs?: number
}

/** One parametrised statement in the driver's own terms: JS arrays are PostgreSQL arrays. */
export interface DatabaseStatement {
  readonly sql: string
  readonly params?: readonly unknown[]
}

/** The node's database: a pool of connections whose search path is the node's schema. Rejects with `DatabaseError`. */
export interface Database {
  readonly schema: string
  readonly url: string
  readonly applicationName: string
  readonly pool: pg.Pool
  query(sql: string, params?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
  /** All or nothing, in one transaction, durable when it resolves. */
  batch(statements: readonly DatabaseStatement[]): Promise<readonly (readonly Record<string, unknown>[])[]>
  /** `work` in one transaction on one connection; rolled back if it rejects. Unqualified names resolve in `schema`. */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>, schema?: string): Promise<T>
  /** As `Store.migrate`, on any schema. */
  migrate(schema: string, migrations: readonly Migration[]): Promise<readonly string[]>
  health(): Health
  close(): Promise<void>
}

const schemaPattern = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/

/**
 * Connects, waiting with backoff for a server that is not up yet, makes the schema and brings the node's tables up to
 * date.
 *
 * @throws DatabaseError `DATABASE_BAD_OPTIONS`, `DATABASE_UNAVAILABLE` (retry), `DATABASE_REFUSED` (wrong password, no
 *   such database, no right), `DATABASE_MIGRATION_CHANGED`; the signal's reason
 */
export async function openDatabase(
  options: DatabaseOptions,
  { log, metrics }: { log: Logger; metrics: Metrics },
): Promise<Database> {
  const { schema, applicationName, poolSize = 10, statementTimeoutMs = 30_000 } = options
  if (!schemaPattern.test(schema)) {
    throw new DatabaseError(
      'DATABASE_BAD_OPTIONS',
      `"${schema}" is no usable schema name. Use lower-case letters, digits and "_", at most 63, no digit first, not "pg_".`,
      { data: { schema } },
    )
  }
  const pool = new pg.Pool({
    connectionString: checkUrl(options.url),
    max: poolSize,
    application_name: applicationName,
    statement_timeout: statementTimeoutMs,
    // The driver's own limit lies above the server's: it ends a call on a connection that went silent.
    query_timeout: statementTimeoutMs + 5_000,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    types: typeParsers,
    options: [
      `-c search_path=${schema}`,
      // Whatever the server's default is: what this node commits is on disk.
      '-c synchronous_commit=on',
      '-c idle_in_transaction_session_timeout=60000',
    ].join(' '),
  })
  // A connection that breaks is replaced at next use, and a call in flight on it rejects. Without listeners on both,
  // the pool for idle connections and each client for those in use, a broken socket would end the process.
  pool.on('error', (error) => log.debug({ code: sqlState(error) }, 'Lose an idle database connection'))
  pool.on('connect', (client) => {
    client.on('error', (error) => {
      // While the pool ends, its server may end too: no loss then.
      const level = pool.ending ? 'debug' : 'warn'
      log[level]({ code: sqlState(error) }, 'Lose a database connection')
    })
  })

  const database = new PooledDatabase(options.url, schema, applicationName, pool, { log, metrics })
  try {
    await waitForServer(pool, { timeoutMs: options.connectTimeoutMs ?? 30_000, signal: options.signal }, log)
    const applied = await database.migrate(schema, nodeMigrations)
    if (applied.length > 0) log.info({ schema, applied }, 'Migrate the node schema')
    const [durability] = await database.query('show fsync')
    if (durability?.fsync === 'off') {
      log.warn(
        {},
        'The database server runs with fsync off: a power cut can lose the signing history. Switch it on',
      )
    }
    return database
  } catch (error) {
    await pool.end()
    throw error
  }
}

class PooledDatabase implements Database {
  readonly url: string
  readonly schema: string
  readonly applicationName: string
  readonly pool: pg.Pool
  readonly #metrics: ReturnType<typeof instruments>
  readonly #log: Logger
  #failure: string | null = null
  #closing: Promise<void> | null = null

  constructor(
    url: string,
    schema: string,
    applicationName: string,
    pool: pg.Pool,
    { log, metrics }: { log: Logger; metrics: Metrics },
  ) {
    this.url = url
    this.schema = schema
    this.applicationName = applicationName
    this.pool = pool
    this.#log = log
    this.#metrics = instruments(metrics)
    // The connection string holds the password.
    Object.defineProperty(this, 'url', { enumerable: false })
    Object.defineProperty(this, 'pool', { enumerable: false })
  }

  query(sql: string, params: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    return this.#measured(async () => (await this.pool.query(sql, [...params])).rows)
  }

  batch(statements: readonly DatabaseStatement[]): Promise<readonly (readonly Record<string, unknown>[])[]> {
    return this.transaction(async (client) => {
      const results: (readonly Record<string, unknown>[])[] = []
      for (const { sql, params = [] } of statements) results.push((await client.query(sql, [...params])).rows)
      return results
    })
  }

  transaction<T>(work: (client: pg.PoolClient) => Promise<T>, schema?: string): Promise<T> {
    return this.#measured(async () => {
      const client = await this.pool.connect()
      let broken = false
      try {
        await client.query(
          schema === undefined ? 'begin' : `begin; set local search_path = ${quoteName(schema)}`,
        )
        const result = await work(client)
        await client.query('commit')
        return result
      } catch (error) {
        // A connection that can't even roll back is in an unknown state: drop it.
        await client.query('rollback').catch(() => {
          broken = true
        })
        throw error
      } finally {
        client.release(broken)
      }
    })
  }

  async migrate(schema: string, migrations: readonly Migration[]): Promise<readonly string[]> {
    try {
      return await this.transaction((client) => applyMigrations(client, schema, migrations), schema)
    } catch (error) {
      if (!(error instanceof MigrationChanged)) throw error
      throw new DatabaseError(
        'DATABASE_MIGRATION_CHANGED',
        `Migration "${error.migration}" of schema "${schema}" was applied with another text. Restore its text and add a new migration for the change.`,
        { data: { schema, migration: error.migration } },
      )
    }
  }

  health(): Health {
    if (this.#closing !== null) return { status: 'failed', reason: 'the database connection is closed' }
    if (this.#failure !== null) {
      return {
        status: 'failed',
        reason: `the database does not answer (${this.#failure}); check the server, the node reconnects by itself`,
      }
    }
    if (this.pool.waitingCount > 2 * (this.pool.options.max ?? 10)) {
      return { status: 'degraded', reason: 'calls queue up for a database connection; raise the pool size' }
    }
    return { status: 'ok' }
  }

  close(): Promise<void> {
    this.#closing ??= this.pool.end()
    return this.#closing
  }

  async #measured<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== null) {
      throw new DatabaseError('DATABASE_CLOSED', 'The database was closed; the node is stopping.', {
        data: {},
      })
    }
    const started = performance.now()
    try {
      const result = await work()
      if (this.#failure !== null) this.#log.info({}, 'The database answers again')
      this.#failure = null
      return result
    } catch (error) {
      if (error instanceof MigrationChanged) throw error
      const wrapped = toDatabaseError(error)
      this.#metrics.failures.inc({ code: wrapped.code })
      if (wrapped.code === 'DATABASE_UNAVAILABLE') this.#failure = sqlState(error) || 'no connection'
      throw wrapped
    } finally {
      this.#metrics.duration.observe((performance.now() - started) / 1000)
      this.#metrics.waiting.set(this.pool.waitingCount)
    }
  }
}

const instruments = (metrics: Metrics) => ({
  duration: metrics.histogram({
    name: 'iyi_database_call_duration_seconds',
    help: 'Time of one call to the database, transactions as a whole.',
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
  }),
  failures: metrics.counter({
    name: 'iyi_database_failures_total',
    help: 'Calls to the database that failed, by error code.',
    labels: ['code'],
  }),
  waiting: metrics.gauge({
    name: 'iyi_database_waiting_calls',
    help: 'Calls that wait for a free connection.',
  }),
})
