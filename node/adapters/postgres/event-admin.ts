import type { EventConsumerStatus, EventDeadLetter } from '../../ports/event-admin.ts'
import type { Database } from './database.ts'
import { EventLogError } from './errors.ts'
import { stageOf } from './event-rows.ts'

export async function listConsumers(database: Database): Promise<readonly EventConsumerStatus[]> {
  const rows = await database.query(
    `select consumer, chain_id, stage, seq,
            (select count(*) from event_notice notice
               where notice.chain_id = event_consumer.chain_id and notice.seq > event_consumer.seq) as behind,
            (select count(*) from event_dead_letter letter
               where letter.consumer = event_consumer.consumer and letter.chain_id = event_consumer.chain_id) as dead
       from event_consumer order by consumer, chain_id`,
  )
  return rows.map((row) => ({
    consumer: String(row.consumer),
    chainId: Number(row.chain_id),
    stage: stageOf(Number(row.stage)),
    seq: BigInt(String(row.seq)),
    behind: BigInt(String(row.behind)),
    deadLetters: Number(row.dead),
  }))
}

/** The oldest thousand, of one consumer or of all. Rejects with EventLogError `EVENTS_UNKNOWN`: no such consumer. */
export async function listDeadLetters(
  database: Database,
  { consumer }: { consumer: string | null },
): Promise<readonly EventDeadLetter[]> {
  if (consumer !== null) await requireConsumer(database, consumer)
  const rows = await database.query(
    `select letter.*, event.name, event.block_number
       from event_dead_letter letter
       join event_notice notice on notice.seq = letter.seq join event on event.id = notice.event_id
       where $1::text is null or letter.consumer = $1 order by letter.id limit 1000`,
    [consumer],
  )
  return rows.map((row) => ({
    id: BigInt(String(row.id)),
    consumer: String(row.consumer),
    chainId: Number(row.chain_id),
    event: String(row.name),
    blockNumber: BigInt(String(row.block_number)),
    attempts: Number(row.attempts),
    failedAt: String(row.failed_at),
    waiting: row.retry === true,
    error: String(row.error),
  }))
}

/**
 * Marks dead letters of a consumer, or all of them, to be delivered again: the running node looks each second. Resolves
 * with how many. Rejects with EventLogError `EVENTS_UNKNOWN` when there is no such consumer, or none of them.
 */
export async function retryDeadLetters(
  database: Database,
  { consumer, ids }: { consumer: string; ids: readonly bigint[] | null },
): Promise<number> {
  await requireConsumer(database, consumer)
  const rows = await database.query(
    `update event_dead_letter set retry = true
       where consumer = $1 and ($2::bigint[] is null or id = any($2)) returning id`,
    [consumer, ids?.map(String) ?? null],
  )
  if (rows.length > 0) return rows.length
  throw new EventLogError(
    'EVENTS_UNKNOWN',
    `The consumer "${consumer}" has no such dead letter. See "iyi events dead-letters".`,
    { data: { consumer, ids } },
  )
}

async function requireConsumer(database: Database, consumer: string): Promise<void> {
  const rows = await database.query(
    `select from event_consumer where consumer = $1 union all
     select from event_dead_letter where consumer = $1 limit 1`,
    [consumer],
  )
  if (rows.length > 0) return
  throw new EventLogError(
    'EVENTS_UNKNOWN',
    `There is no consumer "${consumer}". See "iyi events consumers".`,
    { data: { consumer } },
  )
}

/**
 * Sets a consumer's cursor on a chain back to the first thing that was told of a block from `fromBlock` on; never
 * forward. Its dead letters from there on come again by that, so they are let go. The running node looks each second.
 *
 * Rejects with EventLogError `EVENTS_UNKNOWN`: no such consumer or chain.
 */
export async function replayEvents(
  database: Database,
  { consumer, chainId, fromBlock }: { consumer: string; chainId: number; fromBlock: bigint },
): Promise<{ readonly notices: bigint }> {
  const notices = await database.transaction(async (client) => {
    const { rows } = await client.query<{ seq: bigint }>(
      `update event_consumer
          set epoch = epoch + 1, from_block = least(from_block, $3::numeric), updated_at = now(),
              seq = least(seq, (
                select min(notice.seq) - 1 from event join event_notice notice on notice.event_id = event.id
                  where event.chain_id = $2 and event.block_number >= $3::numeric))
          where consumer = $1 and chain_id = $2 returning seq`,
      [consumer, chainId, fromBlock.toString()],
    )
    const [moved] = rows
    if (moved === undefined) return null
    await client.query('delete from event_dead_letter where consumer = $1 and chain_id = $2 and seq > $3', [
      consumer,
      chainId,
      moved.seq.toString(),
    ])
    const behind = await client.query<{ count: bigint }>(
      'select count(*) from event_notice where chain_id = $1 and seq > $2',
      [chainId, moved.seq.toString()],
    )
    return behind.rows[0]?.count ?? 0n
  })
  if (notices !== null) return { notices }
  throw new EventLogError(
    'EVENTS_UNKNOWN',
    `There is no consumer "${consumer}" on chain ${chainId}. See "iyi events consumers".`,
    { data: { consumer, chainId } },
  )
}
