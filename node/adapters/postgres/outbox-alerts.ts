import type { OutboxSource } from '../../ports/outbox.ts'
import { ALERT_COLUMNS, alertOf } from './alert-store.ts'
import type { Database } from './database.ts'

/** Raised when the meaning of a field changes; new fields come without. */
const SCHEMA_VERSION = 1

const readSql = `
  select notice.seq, notice.state as told, alert.*
  from alert_notice notice join (select ${ALERT_COLUMNS} from alert) alert on alert.id = notice.alert_id
  where notice.seq > $1 order by notice.seq limit $2`

/** What the rules found, as messages: an alert when it fires and when it ends. */
export function outboxAlerts({ database }: { readonly database: Database }): OutboxSource {
  return {
    name: 'alerts',
    head: async () => {
      const [row] = await database.query('select max(seq) as head from alert_notice')
      return BigInt(String(row?.head ?? 0))
    },
    read: async ({ after, limit }) => {
      const rows = await database.query(readSql, [after.toString(), limit])
      const messages = rows.map((row) => {
        const seq = BigInt(String(row.seq))
        const state = row.told === 'firing' ? ('firing' as const) : ('resolved' as const)
        const { id, endedAt, ...alert } = alertOf(row)
        const key = `alert-${id}-${state}`
        return {
          ...{ seq, key, lane: `alert-${alert.rule}-${alert.series}` },
          subject: [String(alert.chainId), 'alert', alert.rule],
          headers: { 'iyi-alert': state },
          body: {
            ...{ version: SCHEMA_VERSION, key, seq: seq.toString(), id: id.toString() },
            ...alert,
            // As it was then: the row may have gone on.
            ...{ state, endedAt: state === 'firing' ? null : endedAt },
          },
        }
      })
      return { messages, upTo: messages.at(-1)?.seq ?? after }
    },
  }
}
