import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { Network } from './network.ts'
import { configOf } from './validator.ts'

/** What a validator keeps of a round that it saw attested. */
export interface KeptRound {
  readonly validator: number
  /** Duty, configuration and sequence number. */
  readonly slot: string
  /** Hex. */
  readonly outcome: string
  /** Payloads by the report's index. Those for another contract may not be attested everywhere (yet). */
  readonly reports: ReadonlyMap<number, string>
}

/**
 * Every attested round that any validator keeps, also of reports that nobody transmitted: HTTP shows those alone that
 * are on-chain. Reads the validators' own tables, which all lie in the devnet's database.
 */
export async function keptRounds(net: Network): Promise<KeptRound[]> {
  const { database } = configOf(net, 0)
  const url = new URL(database.url)
  url.password = readFileSync(join(net.dir, 'validator-0', database.passwordFile), 'utf8').trim()
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    const kept: KeptRound[] = []
    for (const validator of net.description.api.keys()) {
      const { rows } = await client.query<{ slot: string; outcome: string; reports: unknown }>(
        `select duty_id || '/' || config_digest || '/' || seq_nr as slot, encode(outcome, 'hex') as outcome, reports
         from validator_${validator}.quorum_evidence`,
      )
      for (const { slot, outcome, reports } of rows)
        kept.push({ validator, slot, outcome, reports: payloads(reports) })
    }
    return kept
  } finally {
    await client.end()
  }
}

/** The bytes for the contract; which f+1 signatures stand under them may differ. */
function payloads(reports: unknown): Map<number, string> {
  const rows = reports as { index: number; report: { payload: string } }[]
  return new Map(rows.map(({ index, report }) => [index, report.payload]))
}
