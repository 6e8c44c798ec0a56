import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import type { Logger } from '../../ports/log.ts'
import { DatabaseError } from './errors.ts'
import { classify, sqlState, statementFault } from './failures.ts'

/** The URL itself, if it can be one. @throws DatabaseError `DATABASE_BAD_OPTIONS` */
export function checkUrl(url: string): string {
  try {
    const { protocol } = new URL(url)
    if (protocol === 'postgres:' || protocol === 'postgresql:') return url
  } catch {
    // Falls through; the text of the URL error would repeat the password.
  }
  throw new DatabaseError(
    'DATABASE_BAD_OPTIONS',
    'The database URL is not of the form postgres://user:password@host:port/database. Correct it in the configuration.',
    { data: {} },
  )
}

/**
 * Resolves when the server answers; tries with backoff.
 *
 * @throws DatabaseError `DATABASE_UNAVAILABLE` at `timeoutMs`, `DATABASE_REFUSED` at once; the signal's reason
 */
export async function waitForServer(
  pool: pg.Pool,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
  log: Logger,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 2_000)) {
    signal?.throwIfAborted()
    try {
      await pool.query('select 1')
      return
    } catch (error) {
      const kind = classify(error)
      if (kind === 'refused') throw toDatabaseError(error)
      if (performance.now() + pauseMs > deadline) {
        throw new DatabaseError(
          'DATABASE_UNAVAILABLE',
          `The database did not answer within ${timeoutMs} ms. Check that it runs and that the URL's host and port are right.`,
          { data: { reason: sqlState(error), timeoutMs }, retry: true, cause: error },
        )
      }
      log.debug({ reason: sqlState(error), pauseMs }, 'Wait for the database')
      await delay(pauseMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
    }
  }
}

/** The driver's error as a `DatabaseError`. */
export function toDatabaseError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error
  const kind = classify(error)
  if (kind === 'unavailable') {
    return new DatabaseError(
      'DATABASE_UNAVAILABLE',
      'The database does not answer. The node tries again; if this stays, check the server and its limits.',
      { data: { reason: sqlState(error) }, retry: true, cause: error },
    )
  }
  if (kind === 'refused') {
    return new DatabaseError(
      'DATABASE_REFUSED',
      'The database refuses this user. Check user, password, database name and rights in the database URL.',
      { data: { sqlState: sqlState(error) }, cause: error },
    )
  }
  return new DatabaseError(
    'DATABASE_BAD_STATEMENT',
    'The database rejects a statement; see the data of this error.',
    {
      data: statementFault(error),
      cause: error,
    },
  )
}
