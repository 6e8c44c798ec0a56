import type { OutboxDeadLetter, OutboxSource, OutboxStatus } from '../../ports/outbox.ts'
import type { Database } from './database.ts'
import { OutboxAdminError } from './errors.ts'

/** Each cursor; `sources` are those that a node has. */
export async function listOutbox(
  database: Database,
  sources: readonly Pick<OutboxSource, 'name' | 'head'>[],
): Promise<readonly OutboxStatus[]> {
  const heads = new Map(
    await Promise.all(sources.map(async (source) => [source.name, await source.head()] as const)),
  )
  const rows = await database.query(
    `select cursor.*, (select count(*) from outbox_dead_letter letter
               where letter.target = cursor.target and letter.source = cursor.source) as letters
       from outbox_cursor cursor order by target, source`,
  )
  return rows.map((row) => {
    const seq = BigInt(String(row.seq))
    const head = heads.get(String(row.source))
    return {
      target: String(row.target),
      source: String(row.source),
      seq,
      behind: head === undefined ? null : head - seq,
      deadLetters: Number(row.letters),
      updatedAt: String(row.updated_at),
      trouble: row.trouble === null ? null : String(row.trouble),
    }
  })
}

/** The oldest thousand, of one target or of all. */
export async function listOutboxLetters(
  database: Database,
  { target }: { target: string | null },
): Promise<readonly OutboxDeadLetter[]> {
  const rows = await database.query(
    `select * from outbox_dead_letter where $1::text is null or target = $1 order by id limit 1000`,
    [target],
  )
  return rows.map((row) => ({
    id: BigInt(String(row.id)),
    target: String(row.target),
    source: String(row.source),
    seq: BigInt(String(row.seq)),
    key: String(row.key),
    attempts: Number(row.attempts),
    failedAt: String(row.failed_at),
    waiting: row.retry === true,
    error: String(row.error),
  }))
}

/** As `retryDeadLetters`. Rejects with OutboxAdminError `OUTBOX_UNKNOWN` when there is none of them. */
export async function retryOutboxLetters(
  database: Database,
  { target, ids }: { target: string; ids: readonly bigint[] | null },
): Promise<number> {
  const rows = await database.query(
    `update outbox_dead_letter set retry = true
       where target = $1 and ($2::bigint[] is null or id = any($2)) returning id`,
    [target, ids?.map(String) ?? null],
  )
  if (rows.length > 0) return rows.length
  throw new OutboxAdminError(
    'OUTBOX_UNKNOWN',
    `The target "${target}" has no such dead letter. See "iyi outbox dead-letters".`,
    { data: { target, ids } },
  )
}

/** Where a target begins again: with what has this number, or with what was first told of a block. */
export type ReplayFrom = { readonly seq: bigint } | { readonly chainId: number; readonly block: bigint }

/**
 * Sets the cursor of a target back, never forward; its dead letters from there on come again by that, so they are let
 * go. Resolves with where it is then. The running node looks each time that it reads.
 *
 * Rejects with OutboxAdminError `OUTBOX_UNKNOWN`: there is no such cursor; `OUTBOX_NO_BLOCKS`: a block of another source
 * than `events`, whose numbers the blocks do not say.
 */
export async function replayOutbox(
  database: Database,
  { target, source, from }: { target: string; source: string; from: ReplayFrom },
): Promise<{ readonly seq: bigint }> {
  if ('block' in from && source !== 'events') {
    throw new OutboxAdminError(
      'OUTBOX_NO_BLOCKS',
      `The source "${source}" has no place by blocks, "events" alone has. Give --from-seq, see "iyi outbox status".`,
      { data: { target, source } },
    )
  }
  const seq = await database.transaction(async (client) => {
    const [place, ...params] =
      'seq' in from
        ? (['$3::bigint - 1', from.seq.toString()] as const)
        : ([
            `(select min(notice.seq) - 1 from event join event_notice notice on notice.event_id = event.id
                where event.chain_id = $3 and event.block_number >= $4::numeric)`,
            from.chainId,
            from.block.toString(),
          ] as const)
    const { rows } = await client.query<{ seq: bigint }>(
      `update outbox_cursor set epoch = epoch + 1, seq = greatest(0, least(seq, ${place})), updated_at = now()
         where target = $1 and source = $2 returning seq`,
      [target, source, ...params],
    )
    const [moved] = rows
    if (moved === undefined) return null
    await client.query('delete from outbox_dead_letter where target = $1 and source = $2 and seq > $3', [
      target,
      source,
      moved.seq.toString(),
    ])
    return moved.seq
  })
  if (seq !== null) return { seq }
  throw new OutboxAdminError(
    'OUTBOX_UNKNOWN',
    `There is no target "${target}" with the source "${source}". See "iyi outbox status".`,
    { data: { target, source } },
  )
}
