import type { Pool } from 'pg'
import { Difference } from './difference.ts'

/** What must hold in the event log's own tables, whatever happened: each query finds nothing. */
const rules: readonly { readonly name: string; readonly sql: (schema: string) => string }[] = [
  {
    name: 'the notices of an event go on from one another, and end at its level',
    sql: (schema) => `
      select n.event_id, n.seq, n.before, n.after, n.expected, n.level from (
        select n.*, event.level,
               coalesce(lag(n.after) over (partition by n.event_id order by n.seq), 0) as expected,
               lead(n.seq) over (partition by n.event_id order by n.seq) as next
          from ${schema}.event_notice n join ${schema}.event on event.id = n.event_id) n
      where n.before <> n.expected or n.before = n.after or (n.next is null and n.after <> n.level)`,
  },
  {
    name: 'every event has a notice',
    sql: (schema) => `
      select id from ${schema}.event where not exists (select from ${schema}.event_notice where event_id = event.id)`,
  },
  {
    name: 'numbers of notices have no gap',
    sql: (schema) =>
      `select count(*), max(seq) from ${schema}.event_notice having count(*) <> coalesce(max(seq), 0)`,
  },
  {
    name: 'a place of the chain has one event that is in it',
    sql: (schema) => `
      select chain_id, block_number, log_index, count(*) from ${schema}.event where level > 0
      group by 1, 2, 3 having count(*) > 1`,
  },
  {
    name: 'a block has one hash',
    sql: (schema) => `
      select chain_id, block_number, count(distinct block_hash) from ${schema}.event where level > 0
      group by 1, 2 having count(distinct block_hash) > 1`,
  },
  {
    name: 'no cursor is beyond the notices',
    sql: (schema) => `
      select consumer, chain_id, seq from ${schema}.event_consumer
      where seq > (select coalesce(max(seq), 0) from ${schema}.event_notice)`,
  },
  {
    name: 'no position is halted or beyond its own order',
    sql: (schema) => `
      select chain_id, block_number, confirmed_block, final_block, halted from ${schema}.event_cursor
      where halted is not null or final_block > confirmed_block or confirmed_block > block_number`,
  },
  {
    name: 'nothing was given up',
    sql: (schema) => `select consumer, seq, error from ${schema}.event_dead_letter`,
  },
]

/** Rejects with the first rule that does not hold. */
export async function checkNotices({ pool, schema }: { pool: Pool; schema: string }): Promise<void> {
  for (const { name, sql } of rules) {
    const { rows } = await pool.query<Record<string, unknown>>(`${sql(`"${schema}"`)} limit 6`)
    if (rows.length === 0) continue
    throw new Difference(
      'event log',
      `it does not hold that ${name}`,
      rows.map((row) => JSON.stringify(row)),
    )
  }
}
