import {
  type Alert,
  type AlertMeasure,
  type AlertStore,
  alertMeasures,
  type Severity,
  severities,
} from '../../ports/alerts.ts'
import type { Database } from './database.ts'

/** Ended alerts that are kept; more only while the outbox has not told of them. */
const MOST = 10_000

export const ALERT_COLUMNS =
  'id, rule, series, chain_id, severity, measure, value, text, started_at, ended_at'

/**
 * Each change and its notice in one statement; there is one writer, so the notices are saved in their order. Asked again
 * after an answer that was lost, both say what is there and tell nothing twice.
 */
const fireSql = `
  with fired as (
    insert into alert (rule, series, chain_id, severity, measure, value, text, started_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (rule, series) where ended_at is null do update set rule = excluded.rule
    returning ${ALERT_COLUMNS}, xmax = 0 as new
  ), told as (
    insert into alert_notice (alert_id, state) select id, 'firing' from fired where new
  ), old as (
    delete from alert where ended_at is not null
      and id <= (select id from alert where ended_at is not null order by id desc offset ${MOST} limit 1)
      and not exists (
        select from alert_notice notice where notice.alert_id = alert.id
          and notice.seq > (select min(seq) from outbox_cursor where source = 'alerts' and target = any($9)))
    returning id
  ), forgotten as (
    delete from alert_notice where alert_id in (select id from old)
  )
  select * from fired`

const resolveSql = `
  with ended as (
    update alert set ended_at = $2 where id = $1 and ended_at is null returning ${ALERT_COLUMNS}
  ), told as (
    insert into alert_notice (alert_id, state) select id, 'resolved' from ended
  )
  select * from ended
  union all
  select ${ALERT_COLUMNS} from alert where id = $1 and not exists (select from ended)`

/**
 * Ended alerts are let go beyond the newest 10,000, but for those that one of `targets` has not been told of yet: names
 * of the outbox. Rejects with `DatabaseError`.
 */
export function alertStore({
  database,
  targets = [],
}: {
  readonly database: Database
  readonly targets?: readonly string[]
}): AlertStore {
  return {
    async firing() {
      const rows = await database.query(
        `select ${ALERT_COLUMNS} from alert where ended_at is null order by id`,
      )
      return rows.map(alertOf)
    },
    async fire({ rule, series, chainId, severity, measure, value, text, startedAt }) {
      const values = [rule, series, chainId, severity, measure, value, text, startedAt, targets]
      const [row] = await database.query(fireSql, values)
      return alertOf(row ?? {})
    },
    async resolve(id, at) {
      const [row] = await database.query(resolveSql, [id.toString(), at])
      return row === undefined ? null : alertOf(row)
    },
    async list({ state, rule, before, limit }) {
      const rows = await database.query(
        `select ${ALERT_COLUMNS} from alert
         where ($1::boolean is null or (ended_at is null) = $1) and ($2::text is null or rule = $2)
           and ($3::bigint is null or id < $3) order by id desc limit $4`,
        [state === undefined ? null : state === 'firing', rule ?? null, before?.toString() ?? null, limit],
      )
      return rows.map(alertOf)
    },
  }
}

export function alertOf(row: Readonly<Record<string, unknown>>): Alert {
  return {
    id: BigInt(String(row.id)),
    rule: String(row.rule),
    series: String(row.series),
    chainId: row.chain_id === null ? null : Number(row.chain_id),
    severity: severities.find((known) => known === row.severity) as Severity,
    state: row.ended_at === null ? 'firing' : 'resolved',
    startedAt: Number(row.started_at),
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
    measure: alertMeasures.find((known) => known === row.measure) as AlertMeasure,
    value: Number(row.value),
    text: String(row.text),
  }
}
