import type { Hex } from '../../ports/chain.ts'
import { offenceFromJson, offenceToJson } from '../../ports/offence-schema.ts'
import type { OffenceFilter, OffenceRecord } from '../../ports/quorum.ts'
import type { Database } from './database.ts'

/** Kept of one culprit, offence and configuration. */
const MOST = 64

// The count and the insert are one statement: two at once may exceed the bound by one, which does no harm.
const saveSql = `
  insert into quorum_offence (id, duty_id, config_digest, oracle, offence, document, recorded_at)
  select $1, $2, $3, $4, $5, $6::json, $7
  where (select count(*) from quorum_offence
         where duty_id = $2 and config_digest = $3 and oracle = $4 and offence = $5) < ${MOST}
  on conflict (id) do nothing`

export async function saveOffence(database: Database, record: OffenceRecord): Promise<void> {
  const { id, dutyId, configDigest, oracle, offence, recordedAt } = record
  const document = JSON.stringify(offenceToJson(record))
  await database.query(saveSql, [id, dutyId, configDigest, oracle, offence, document, recordedAt])
}

export async function listOffences(
  database: Database,
  filter: OffenceFilter,
): Promise<{ records: readonly OffenceRecord[]; cursor: string | null }> {
  const { dutyId, configDigest, oracle, offence, before, limit } = filter
  const rows = await database.query(
    `select seq, document from quorum_offence
     where ($1::text is null or duty_id = $1) and ($2::text is null or config_digest = $2)
       and ($3::integer is null or oracle = $3) and ($4::text is null or offence = $4)
       and ($5::bigint is null or seq < $5)
     order by seq desc limit $6`,
    [dutyId ?? null, configDigest ?? null, oracle ?? null, offence ?? null, before ?? null, limit + 1],
  )
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    records: page.map(({ document }) => offenceFromJson(document)),
    cursor: rows.length > page.length && last !== undefined ? String(last.seq) : null,
  }
}

export async function findOffence(database: Database, id: Hex): Promise<OffenceRecord | null> {
  const [row] = await database.query('select document from quorum_offence where id = $1', [id])
  return row === undefined ? null : offenceFromJson(row.document)
}
