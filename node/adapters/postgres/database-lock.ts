import pg from 'pg'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Logger } from '../../ports/log.ts'
import type { Database } from './database.ts'
import { DatabaseError } from './errors.ts'
import { sqlState } from './failures.ts'

export interface DatabaseLockOptions {
  /** Told once if the session breaks: another process may act as this validator from now on. Stop signing. */
  readonly onLost: (error: DatabaseError) => void
  /** How often the session is checked; 5,000 when absent. */
  readonly checkMs?: number
}

export interface DatabaseLock {
  held(): boolean
  release(): Promise<void>
}

/**
 * Takes the right to act as the validator whose data lies in the database's schema: a PostgreSQL advisory lock on a
 * session of its own, which the server frees when this process dies. Signing stays safe without it (the signing
 * history decides in the database); the lock keeps two processes from doing all the other work twice.
 *
 * @throws DatabaseError `DATABASE_LOCKED` (retry: the other process may be ending), `DATABASE_UNAVAILABLE` (retry)
 */
export async function lockDatabase(
  options: DatabaseLockOptions,
  { database, clock, log }: { database: Database; clock: Clock; log: Logger },
): Promise<DatabaseLock> {
  const client = new pg.Client({
    connectionString: database.url,
    application_name: `${database.applicationName} lock`,
    connectionTimeoutMillis: 10_000,
    query_timeout: options.checkMs ?? 5_000,
    keepAlive: true,
  })
  const session = new LockSession(client, database.schema, options, { clock, log })
  try {
    await client.connect()
    await session.take()
  } catch (error) {
    await session.release()
    if (error instanceof DatabaseError) throw error
    throw new DatabaseError('DATABASE_UNAVAILABLE', 'The database broke off while its lock was taken.', {
      data: { reason: sqlState(error) },
      retry: true,
      cause: error,
    })
  }
  return session
}

class LockSession implements DatabaseLock {
  readonly #client: pg.Client
  readonly #schema: string
  readonly #options: DatabaseLockOptions
  readonly #clock: Clock
  readonly #log: Logger
  #state: 'taking' | 'held' | 'lost' | 'released' = 'taking'
  #timer: Timer | null = null

  constructor(
    client: pg.Client,
    schema: string,
    options: DatabaseLockOptions,
    { clock, log }: { clock: Clock; log: Logger },
  ) {
    this.#client = client
    this.#schema = schema
    this.#options = options
    this.#clock = clock
    this.#log = log
    client.on('error', (error) => this.#lose(error))
    client.on('end', () => this.#lose(null))
  }

  held(): boolean {
    return this.#state === 'held'
  }

  async take(): Promise<void> {
    const { rows } = await this.#client.query<{ got: boolean }>(
      `select pg_try_advisory_lock(hashtextextended('iyi validator ' || $1, 0)) as got`,
      [this.#schema],
    )
    if (rows[0]?.got !== true) throw this.#locked()
    this.#state = 'held'
    this.#check()
  }

  async release(): Promise<void> {
    this.#state = 'released'
    this.#timer?.cancel()
    await this.#client.end().catch(() => {})
  }

  #locked(): DatabaseError {
    return new DatabaseError(
      'DATABASE_LOCKED',
      `Another process runs this validator on schema "${this.#schema}". Stop it first, or give this node a schema of its own.`,
      { data: { schema: this.#schema }, retry: true },
    )
  }

  /** A connection that died in silence shows only when it is used. */
  #check(): void {
    this.#timer = this.#clock.setTimer(this.#options.checkMs ?? 5_000, () => {
      if (this.#state !== 'held') return
      this.#client.query('select 1').then(
        () => {
          if (this.#state === 'held') this.#check()
        },
        (error: unknown) => this.#lose(error),
      )
    })
  }

  #lose(cause: unknown): void {
    if (this.#state !== 'held') return
    this.#state = 'lost'
    this.#timer?.cancel()
    const error = new DatabaseError(
      'DATABASE_LOCK_LOST',
      'The database session that makes this process the validator broke. The node stops signing; restart it once the database is back.',
      { data: { schema: this.#schema, reason: sqlState(cause) }, retry: true, cause },
    )
    this.#log.error({ schema: this.#schema, reason: sqlState(cause) }, 'Lose the validator lock')
    void this.#client.end().catch(() => {})
    this.#options.onLost(error)
  }
}
