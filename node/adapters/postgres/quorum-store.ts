import type { Hex } from '../../ports/chain.ts'
import type { AttestedReport, EvidenceRecord, QuorumSnapshot, QuorumStore } from '../../ports/quorum.ts'
import type { Database } from './database.ts'
import { findOffence, listOffences, saveOffence } from './offence-rows.ts'
import { decodeReports, encodeReports } from './report-json.ts'
import { asStoreError } from './store.ts'

type Change = Partial<QuorumSnapshot>

const saveSql = `
  insert into quorum_state as known (instance, pacemaker, certificate, committed)
  values ($1, $2, $4, $6)
  on conflict (instance) do update set
    pacemaker = case when $3 then excluded.pacemaker else known.pacemaker end,
    certificate = case when $5 then excluded.certificate else known.certificate end,
    committed = case when $7 then excluded.committed else known.committed end,
    updated_at = now()`

const evidenceSql = `
  insert into quorum_evidence
    (duty_id, config_digest, seq_nr, epoch, leader, query, outcome, observers, observations,
     observation_signatures, reports, recorded_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
  on conflict (duty_id, config_digest, seq_nr) do update set
    epoch = excluded.epoch, leader = excluded.leader, query = excluded.query, outcome = excluded.outcome,
    observers = excluded.observers, observations = excluded.observations,
    observation_signatures = excluded.observation_signatures, reports = excluded.reports,
    recorded_at = excluded.recorded_at`

/**
 * The quorum engine's memory in the node's database. Saves of one instance are written in the order of the calls; those
 * that come while one is being written are merged into the next write, and each resolves when its value is on disk.
 */
export function quorumStore({ database }: { database: Database }): QuorumStore {
  const writers = new Map<string, Writer>()
  const write = (instance: Hex, change: Change) =>
    asStoreError(database.schema, () => save(database, instance, change))
  return {
    load: (instance) =>
      asStoreError(database.schema, async () => {
        // What was asked to be saved before is visible to whoever loads after.
        await writers.get(instance)?.idle()
        const [row] = await database.query(
          'select pacemaker, certificate, committed from quorum_state where instance = $1',
          [instance],
        )
        return {
          pacemaker: bytesOrNull(row?.pacemaker),
          certificate: bytesOrNull(row?.certificate),
          committed: bytesOrNull(row?.committed),
        }
      }),
    save: (instance, change) => {
      const writer = writers.get(instance) ?? new Writer((merged) => write(instance, merged))
      writers.set(instance, writer)
      return writer.save(copy(change))
    },
    saveEvidence: (record) =>
      asStoreError(database.schema, async () => {
        await database.query(evidenceSql, evidenceParams(record))
      }),
    evidence: (dutyId, configDigest, seqNr) =>
      asStoreError(database.schema, async () => {
        const [row] = await database.query(
          'select * from quorum_evidence where duty_id = $1 and config_digest = $2 and seq_nr = $3',
          [dutyId, configDigest, seqNr.toString()],
        )
        return row === undefined ? null : toEvidence(row)
      }),
    saveOffence: (record) => asStoreError(database.schema, () => saveOffence(database, record)),
    offences: (filter) => asStoreError(database.schema, () => listOffences(database, filter)),
    offence: (id) => asStoreError(database.schema, () => findOffence(database, id)),
  }
}

/** Writes one instance's changes one after the other. */
class Writer {
  readonly #write: (change: Change) => Promise<void>
  #running: Promise<void> | null = null
  #next: { change: Change; done: Promise<void> } | null = null

  constructor(write: (change: Change) => Promise<void>) {
    this.#write = write
  }

  save(change: Change): Promise<void> {
    if (this.#next !== null) {
      this.#next.change = { ...this.#next.change, ...change }
      return this.#next.done
    }
    const next = { change, done: Promise.resolve() }
    const before = this.#running ?? Promise.resolve()
    this.#next = next
    next.done = before
      .catch(() => {})
      .then(() => {
        this.#next = null
        this.#running = next.done
        return this.#write(next.change)
      })
    return next.done
  }

  async idle(): Promise<void> {
    await (this.#next?.done ?? this.#running ?? Promise.resolve()).catch(() => {})
  }
}

async function save(database: Database, instance: Hex, change: Change): Promise<void> {
  const field = (name: keyof QuorumSnapshot) => {
    const bytes = change[name]
    return [bytes == null ? null : Buffer.from(bytes), bytes !== undefined]
  }
  await database.query(saveSql, [
    instance,
    ...field('pacemaker'),
    ...field('certificate'),
    ...field('committed'),
  ])
}

/** The caller may reuse its buffers before the write begins. */
function copy(change: Change): Change {
  const kept = Object.entries(change).filter(([, bytes]) => bytes !== undefined)
  return Object.fromEntries(
    kept.map(([name, bytes]) => [name, bytes === null ? null : Uint8Array.from(bytes)]),
  )
}

function evidenceParams(record: EvidenceRecord): unknown[] {
  const { observations } = record
  return [
    ...[record.dutyId, record.configDigest, record.seqNr.toString(), record.epoch, record.leader],
    ...[Buffer.from(record.query), Buffer.from(record.outcome)],
    observations.map(({ oracle }) => oracle),
    observations.map(({ observation }) => Buffer.from(observation)),
    observations.map(({ signature }) => Buffer.from(signature)),
    encodeReports(record.reports),
    record.recordedAt,
  ]
}

function toEvidence(row: Readonly<Record<string, unknown>>): EvidenceRecord {
  const observers = row.observers as readonly number[]
  const observations = row.observations as readonly Uint8Array[]
  const signatures = row.observation_signatures as readonly Uint8Array[]
  return {
    dutyId: String(row.duty_id),
    configDigest: String(row.config_digest) as Hex,
    seqNr: BigInt(String(row.seq_nr)),
    epoch: Number(row.epoch),
    leader: Number(row.leader),
    query: Uint8Array.from(row.query as Uint8Array),
    observations: observers.map((oracle, i) => ({
      oracle,
      observation: Uint8Array.from(observations[i] ?? []),
      signature: Uint8Array.from(signatures[i] ?? []),
    })),
    outcome: Uint8Array.from(row.outcome as Uint8Array),
    reports: decodeReports(row.reports) as readonly AttestedReport[],
    recordedAt: Number(row.recorded_at),
  }
}

function bytesOrNull(value: unknown): Uint8Array | null {
  return value instanceof Uint8Array ? value : null
}
