import { createHash } from 'node:crypto'
import type { Alert } from '../../ports/alerts.ts'
import type { OutboxMessage, OutboxSource } from '../../ports/outbox.ts'
import { ALERT_COLUMNS, alertOf } from './alert-store.ts'
import type { Database } from './database.ts'

/** Raised when the meaning of a field changes; new fields come without. */
const SCHEMA_VERSION = 1

/** Longest part of a key that names make. */
const MOST_NAMES = 160

const told = `
  select notice.seq, notice.state as told, alert.*
  from alert_notice notice join (select ${ALERT_COLUMNS} from alert) alert on alert.id = notice.alert_id`
const readSql = `${told} where notice.seq > $1 order by notice.seq limit $2`
const findSql = `${told} where notice.seq = $1`

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
      const messages = rows.map(messageOf)
      return { messages, upTo: messages.at(-1)?.seq ?? after }
    },
    find: async ({ seq, key }) => {
      const rows = await database.query(findSql, [seq.toString()])
      return rows.map(messageOf).find((message) => message.key === key) ?? null
    },
  }
}

function messageOf(row: Readonly<Record<string, unknown>>): OutboxMessage {
  const seq = BigInt(String(row.seq))
  const state = row.told === 'firing' ? ('firing' as const) : ('resolved' as const)
  const { id, endedAt, ...alert } = alertOf(row)
  const key = keyOf(alert, state)
  return {
    ...{ seq, key, lane: `alert-${alert.rule}-${alert.series}` },
    // What is of a model is of no chain.
    subject: [String(alert.chainId ?? 'node'), 'alert', alert.rule],
    headers: { 'iyi-alert': state },
    body: {
      ...{ version: SCHEMA_VERSION, key, seq: seq.toString(), id: id.toString() },
      ...alert,
      // As it was then: the row may have gone on.
      ...{ state, endedAt: state === 'firing' ? null : endedAt },
    },
  }
}

/** Of what every node says alike: numbers of this database would make the alert of one node hide that of another. */
function keyOf(
  { rule, series, startedAt }: Pick<Alert, 'rule' | 'series' | 'startedAt'>,
  state: Alert['state'],
): string {
  const names = `${rule}:${series}`
  const short =
    names.length <= MOST_NAMES && /^[!-~]*$/.test(names)
      ? names
      : createHash('sha256').update(names).digest('hex')
  return `alert:${short}:${startedAt}:${state}`
}
