import { z } from 'zod'
import type { AgreementStore } from '../../ports/agreement-store.ts'
import { evidenceSchema, evidenceSummarySchema } from '../../ports/chain-evidence.ts'
import { bytes32Schema, unsignedSchema } from '../../ports/http-schemas.ts'
import type { Database } from './database.ts'

/** Records kept of one chain. */
const MOST = 100

const trailSchema = z.array(z.object({ number: unsignedSchema.transform(BigInt), hash: bytes32Schema }))

// Two at once may keep one record too many for a while, which does no harm.
const recordSql = `
  with saved as (
    insert into chain_evidence (id, chain_id, document, recorded_at)
    values ($1, $2, $3::json, $4) on conflict (id) do nothing returning seq
  )
  delete from chain_evidence
  where chain_id = $2 and exists (select from saved)
    and seq <= (select seq from chain_evidence where chain_id = $2 order by seq desc offset ${MOST - 1} limit 1)`

/** Rejects with `DatabaseError`. */
export function agreementStore({ database }: { database: Database }): AgreementStore {
  return {
    async load(chainId, scope) {
      const [row] = await database.query(
        'select trail from chain_agreement where chain_id = $1 and scope = $2',
        [chainId, scope],
      )
      return row === undefined ? [] : trailSchema.parse(row.trail)
    },
    async save(chainId, scope, trail) {
      const document = trail.map(({ number, hash }) => ({ number: number.toString(), hash }))
      await database.query(
        `insert into chain_agreement (chain_id, scope, trail) values ($1, $2, $3::json)
         on conflict (chain_id) do update set scope = $2, trail = $3::json, updated_at = now()`,
        [chainId, scope, JSON.stringify(document)],
      )
    },
    async record(evidence) {
      const { id, chainId, recordedAt } = evidence
      await database.query(recordSql, [id, chainId, JSON.stringify(evidence), recordedAt])
    },
    async evidence({ chainId, limit, before }) {
      const rows = await database.query(
        `select seq, document from chain_evidence
         where chain_id = $1 and ($2::bigint is null or seq < $2) order by seq desc limit $3`,
        [chainId, before ?? null, limit + 1],
      )
      const page = rows.slice(0, limit)
      const last = page.at(-1)
      return {
        records: page.map(({ document }) => evidenceSummarySchema.parse(document)),
        cursor: rows.length > page.length && last !== undefined ? String(last.seq) : null,
      }
    },
    async oneEvidence(chainId, id) {
      const [row] = await database.query(
        'select document from chain_evidence where chain_id = $1 and id = $2',
        [chainId, id],
      )
      return row === undefined ? null : evidenceSchema.parse(row.document)
    },
  }
}
