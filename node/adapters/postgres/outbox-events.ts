import { type ChainEvent, type Stage, stages } from '../../ports/events.ts'
import type { OutboxMessage, OutboxSource } from '../../ports/outbox.ts'
import type { Database } from './database.ts'
import { eventOf, levelOf } from './event-rows.ts'

/** Raised when the meaning of a field changes; new fields come without. */
const SCHEMA_VERSION = 1

/** Longest part of the notices that one read looks at, for those that a target does not want. */
const scanLimit = 5_000

/** $1 after this number, $2 patterns of names or null, $3 levels, $4 limit. */
const readSql = `
  with scan as (
    select * from event_notice where seq > $1 order by seq limit ${scanLimit}
  ), hit as (
    select scan.seq, scan.before, scan.after, event.*
      from scan join event on event.id = scan.event_id
      where ($2::text[] is null or scan.name like any($2))
        and exists (select from unnest($3::integer[]) wanted (level)
                      where (scan.before < wanted.level) <> (scan.after < wanted.level))
      order by scan.seq limit $4
  )
  select edge.scanned_to, hit.* from (select max(seq) as scanned_to from scan) edge left join hit on true
  order by hit.seq`

/** $1 the number. */
const findSql = `
  select notice.seq, notice.before, notice.after, event.*
    from event_notice notice join event on event.id = notice.event_id where notice.seq = $1`

/**
 * The notices of the event log as messages: an event when it reaches one of `wanted.stages`, and when it is dropped from
 * the chain after that. `wanted.events` are names, `pool.*` or `*`.
 */
export function outboxEvents(
  wanted: { readonly stages: readonly Stage[]; readonly events: readonly string[] },
  { database }: { readonly database: Database },
): OutboxSource {
  const levels = stages.filter((stage) => wanted.stages.includes(stage)).map(levelOf)
  const patterns = wanted.events.includes('*') ? null : wanted.events.map(likeOf)
  return {
    name: 'events',
    head: async () => {
      const [row] = await database.query('select max(seq) as head from event_notice')
      return BigInt(String(row?.head ?? 0))
    },
    read: async ({ after, limit }) => {
      const rows = await database.query(readSql, [after.toString(), patterns, levels, limit])
      const hits = rows.filter(({ id }) => id !== null)
      const messages = hits.flatMap((row) => messagesOf(row, levels))
      // A full page may have left some of what was looked through.
      const end = hits.length === limit ? hits.at(-1)?.seq : rows[0]?.scanned_to
      return { messages, upTo: end === null || end === undefined ? after : BigInt(String(end)) }
    },
    find: async ({ seq, key }) => {
      const rows = await database.query(findSql, [seq.toString()])
      const all = rows.flatMap((row) => stages.flatMap((stage) => messagesOf(row, [levelOf(stage)])))
      return all.find((message) => message.key === key) ?? null
    },
  }
}

/** One for each stage that the notice went over; a reversal is told once. */
function messagesOf(
  row: Readonly<Record<string, unknown>>,
  levels: readonly number[],
): readonly OutboxMessage[] {
  const [before, after] = [Number(row.before), Number(row.after)]
  const crossed = levels.filter((level) => before < level !== after < level)
  const told = after < before ? crossed.slice(0, 1) : crossed
  return told.map((level) => messageOf(eventOf(row, level)))
}

function messageOf(event: ChainEvent): OutboxMessage {
  const { seq, key, stage, name, chainId, blockNumber, blockHash, logIndex, transactionHash } = event
  const { timestamp, address, data } = event
  return {
    seq,
    key,
    lane: `${chainId}-${address}`,
    subject: [String(chainId), ...name.split('.')],
    headers: { 'iyi-stage': stage },
    body: {
      version: SCHEMA_VERSION,
      key,
      stage,
      seq: seq.toString(),
      chainId,
      blockNumber: blockNumber.toString(),
      blockHash,
      logIndex,
      transactionHash,
      timestamp: timestamp.toString(),
      address,
      name,
      data,
    },
  }
}

/** `pool.*` as LIKE has it. */
function likeOf(pattern: string): string {
  return pattern.replaceAll(/[\\%_]/g, '\\$&').replace(/\*$/, '%')
}
