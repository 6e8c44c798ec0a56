import type { ChainEvent } from '../../ports/events.ts'
import type { Database } from './database.ts'
import { eventOf } from './event-rows.ts'

/** Longest text of an error that is kept. */
const maxErrorLength = 1_000
/** So many are delivered again before the ordinary events go on. */
const page = 100

export interface DeadLetter {
  readonly id: bigint
  readonly event: ChainEvent
  /** Its event was reverted after it failed: told now it would be wrong. */
  readonly dropped: boolean
}

/** What an operator is told of an error, in bounded length. */
export function errorText(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? `${String(error.code)}: ` : ''
  const text = error instanceof Error ? `${code}${error.message}` : String(error)
  // PostgreSQL has no NUL in texts.
  return text.replaceAll('\0', '').slice(0, maxErrorLength)
}

/** Keeps an event that its consumer could not handle. Again after a crash: one letter all the same. */
export async function buryEvent(
  database: Database,
  letter: { consumer: string; event: ChainEvent; error: string; attempts: number },
): Promise<true> {
  const { consumer, event, error, attempts } = letter
  await database.query(
    `insert into event_dead_letter as known (consumer, chain_id, seq, error, attempts) values ($1, $2, $3, $4, $5)
     on conflict (consumer, seq) do update
       set error = excluded.error, attempts = known.attempts + excluded.attempts, failed_at = now(), retry = false`,
    [consumer, event.chainId, event.seq.toString(), error, attempts],
  )
  return true
}

/** The dead letters of a consumer that are to be delivered again, oldest first. */
export async function readRetries(
  database: Database,
  { consumer, chainId, level }: { consumer: string; chainId: number; level: number },
): Promise<readonly DeadLetter[]> {
  const rows = await database.query(
    `select letter.id as letter, notice.seq, notice.after, event.*
       from event_dead_letter letter
       join event_notice notice on notice.seq = letter.seq
       join event on event.id = notice.event_id
       where letter.consumer = $1 and letter.chain_id = $2 and letter.retry
       order by letter.seq limit ${page}`,
    [consumer, chainId],
  )
  return rows.map((row) => ({
    id: BigInt(String(row.letter)),
    event: eventOf(row, level),
    dropped: Number(row.level) === 0 && Number(row.after) > 0,
  }))
}

/**
 * The lowest block with an event that the consumer failed to handle; null where there is none. One that was dropped since is not
 * missing.
 */
export async function firstLost(
  database: Database,
  { consumer, chainId, names }: { consumer: string; chainId: number; names: readonly string[] },
): Promise<bigint | null> {
  const [row] = await database.query(
    `select min(event.block_number) as block
       from event_dead_letter letter
       join event_notice notice on notice.seq = letter.seq
       join event on event.id = notice.event_id
       where letter.consumer = $1 and letter.chain_id = $2 and notice.name = any($3)
         and not (event.level = 0 and notice.after > 0)`,
    [consumer, chainId, names],
  )
  return row?.block == null ? null : BigInt(String(row.block))
}

export async function letGo(database: Database, id: bigint): Promise<true> {
  await database.query('delete from event_dead_letter where id = $1', [id.toString()])
  return true
}

export async function failAgain(database: Database, id: bigint, error: string): Promise<true> {
  await database.query(
    `update event_dead_letter set error = $2, attempts = attempts + 1, failed_at = now(), retry = false where id = $1`,
    [id.toString(), error],
  )
  return true
}

/** How many dead letters each consumer has. */
export async function countDeadLetters(database: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query('select consumer, count(*) as letters from event_dead_letter group by 1')
  return new Map(rows.map((row) => [String(row.consumer), Number(row.letters)]))
}
