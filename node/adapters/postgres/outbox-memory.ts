import type { OutboxMemory } from '../../ports/outbox.ts'
import type { Database } from './database.ts'

/** So many are published again before the ordinary messages go on. */
const page = 100

/** What the relay of a target and source remembers, in the node's database. Rejects with DatabaseError. */
export function outboxMemory(
  { target, source }: { readonly target: string; readonly source: string },
  { database }: { readonly database: Database },
): OutboxMemory {
  const own = [target, source]
  return {
    open: async (seq) => {
      await database.query(
        'insert into outbox_cursor (target, source, seq) values ($1, $2, $3) on conflict do nothing',
        [...own, seq.toString()],
      )
    },
    cursor: async () => {
      const [row] = await database.query(
        `select seq, epoch,
                exists (select from outbox_dead_letter where target = $1 and source = $2 and retry) as retries
           from outbox_cursor where target = $1 and source = $2`,
        own,
      )
      if (row === undefined) throw new TypeError(`the cursor of outbox target "${target}" is gone`)
      return {
        seq: BigInt(String(row.seq)),
        epoch: BigInt(String(row.epoch)),
        retries: row.retries === true,
      }
    },
    save: async (seq, epoch) => {
      const rows = await database.query(
        `update outbox_cursor set seq = $3, updated_at = now()
           where target = $1 and source = $2 and epoch = $4 returning seq`,
        [...own, seq.toString(), epoch.toString()],
      )
      return rows.length > 0
    },
    tell: async (trouble) => {
      await database.query('update outbox_cursor set trouble = $3 where target = $1 and source = $2', [
        ...own,
        trouble,
      ])
    },
    bury: async ({ seq, key }, error, attempts) => {
      await database.query(
        `insert into outbox_dead_letter as known (target, source, seq, key, error, attempts)
           values ($1, $2, $3, $4, $5, $6)
         on conflict (target, source, key) do update
           set error = excluded.error, attempts = known.attempts + excluded.attempts, failed_at = now(), retry = false`,
        [...own, seq.toString(), key, error, attempts],
      )
    },
    retries: async () => {
      const rows = await database.query(
        `select id, seq, key from outbox_dead_letter
           where target = $1 and source = $2 and retry order by seq, id limit ${page}`,
        own,
      )
      return rows.map((row) => ({
        id: BigInt(String(row.id)),
        seq: BigInt(String(row.seq)),
        key: String(row.key),
      }))
    },
    letGo: async (id) => {
      await database.query('delete from outbox_dead_letter where id = $1', [id.toString()])
    },
    failAgain: async (id, error) => {
      await database.query(
        `update outbox_dead_letter set error = $2, attempts = attempts + 1, failed_at = now(), retry = false
           where id = $1`,
        [id.toString(), error],
      )
    },
    deadLetters: async () => {
      const [row] = await database.query(
        'select count(*) as letters from outbox_dead_letter where target = $1 and source = $2',
        own,
      )
      return Number(row?.letters ?? 0)
    },
  }
}
