import type { PoolClient } from 'pg'
import type { Database } from './database.ts'
import { SigningHistoryError } from './errors.ts'
import { formatHistory, type HistoryContent } from './history-document.ts'
import { compareHistories, type SignedSlot } from './history-merge.ts'
import { conflict, emptyHere, foreignKeys, retiredHere, weaker } from './history-refusals.ts'

// Claims of a running signer wait for this lock, and it waits for theirs: what is read here is all that was signed.
const lockSql = 'lock table signing_history in share row exclusive mode'

const knownSql = `
  select key_id, purpose, scope, position_0, position_1, payload_digest
  from signing_history where key_id = any ($1::text[])`

// Positions only rise, by this statement's own words too.
const takeOverSql = `
  insert into signing_history as known (key_id, purpose, scope, position_0, position_1, payload_digest)
  select * from unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::bytea[])
  on conflict (key_id, purpose, scope) do update
    set position_0 = excluded.position_0, position_1 = excluded.position_1,
        payload_digest = excluded.payload_digest, updated_at = now()
    where (known.position_0, known.position_1) < (excluded.position_0, excluded.position_1)`

export interface ExportedHistory {
  readonly content: HistoryContent
  /** The document itself. */
  readonly text: string
  /** Keys with a history here that was not asked for. */
  readonly otherKeys: readonly string[]
}

/**
 * The history of `keys`, as of one moment. With `retire` they are retired in the same transaction: from its commit on
 * the database itself refuses every claim of theirs, of whichever process, so that what was read stays all there is.
 *
 * @throws SigningHistoryError `SIGNING_HISTORY_EMPTY`, `SIGNING_HISTORY_UNEXPORTABLE`; then nothing was retired
 */
export async function exportHistory(
  { keys, retire, createdAt }: { keys: readonly string[]; retire: boolean; createdAt: string },
  { database }: { database: Database },
): Promise<ExportedHistory> {
  const result = await database.transaction(async (client) => {
    await client.query(lockSql)
    const slots = await knownSlots(client, keys)
    const others = await client.query<{ key_id: string }>(
      'select distinct key_id from signing_history where key_id <> all ($1::text[]) order by key_id',
      [keys],
    )
    const otherKeys = others.rows.map((row) => row.key_id)
    const content = {
      createdAt,
      retired: retire || (await retiredOf(client, keys)).length === keys.length,
      keys: keys.map((keyId) => ({
        keyId,
        entries: slots.filter((slot) => slot.keyId === keyId).map(({ keyId: _, ...entry }) => entry),
      })),
    }
    const formatted = slots.length === 0 ? emptyHere(keys, otherKeys) : tryFormat(content)
    // Returned and thrown outside: what this transaction rejects with becomes an error of the database.
    if (formatted instanceof SigningHistoryError) return formatted
    if (retire) {
      await client.query(
        'insert into signing_retired (key_id) select unnest($1::text[]) on conflict do nothing',
        [keys],
      )
    }
    return { content, text: formatted, otherKeys }
  })
  if (result instanceof SigningHistoryError) throw result
  return result
}

function tryFormat(content: HistoryContent): string | SigningHistoryError {
  try {
    return formatHistory(content)
  } catch (error) {
    if (error instanceof SigningHistoryError) return error
    throw error
  }
}

export interface ImportedKey {
  readonly keyId: string
  readonly added: number
  readonly raised: number
  readonly unchanged: number
  /** It was retired here, and may sign again. */
  readonly reinstated: boolean
}

/**
 * Takes over a history in one transaction: all of it, or nothing. No position ever gets lower. Keys that were retired
 * here may sign again if the document comes from a database that retired them in turn and says all that is known here.
 *
 * @throws SigningHistoryError `SIGNING_HISTORY_FOREIGN_KEY` (a key that is none of `keys`), `SIGNING_HISTORY_CONFLICT`,
 *   `SIGNING_HISTORY_WEAKER`, `SIGNING_HISTORY_RETIRED`
 */
export async function importHistory(
  { content, keys }: { content: HistoryContent; keys: readonly string[] },
  { database }: { database: Database },
): Promise<readonly ImportedKey[]> {
  const offered = content.keys.map(({ keyId }) => keyId)
  const foreign = offered.filter((keyId) => !keys.includes(keyId))
  if (foreign.length > 0) throw foreignKeys(foreign)

  const { compared, retired, refusal } = await database.transaction(async (client) => {
    await client.query(lockSql)
    const compared = compareHistories(await knownSlots(client, offered), content.keys)
    const retired = await retiredOf(client, offered)
    const missing = compared.missing.filter(({ keyId }) => retired.includes(keyId))
    const weakened = [...compared.lower, ...missing]
    const ahead = compared.added.length + compared.raised.length > 0
    const refusal =
      compared.conflicts.length > 0
        ? conflict(compared.conflicts)
        : weakened.length > 0
          ? weaker(weakened, { ahead })
          : retired.length > 0 && !content.retired
            ? retiredHere(retired)
            : null
    if (refusal === null) {
      await client.query('delete from signing_retired where key_id = any ($1::text[])', [offered])
      await takeOver(client, [...compared.added, ...compared.raised])
    }
    return { compared, retired, refusal }
  })
  if (refusal !== null) throw refusal
  const countOf = (slots: readonly SignedSlot[], keyId: string) =>
    slots.filter((slot) => slot.keyId === keyId).length
  return offered.map((keyId) => ({
    keyId,
    added: countOf(compared.added, keyId),
    raised: countOf(compared.raised, keyId),
    unchanged: countOf(compared.same, keyId),
    reinstated: retired.includes(keyId),
  }))
}

/**
 * For the start of a node: none of its keys may be one that went elsewhere.
 *
 * @throws SigningHistoryError `SIGNING_HISTORY_RETIRED`
 */
export async function refuseRetiredKeys(
  { keys }: { keys: readonly string[] },
  { database }: { database: Database },
): Promise<void> {
  const retired = await database.transaction((client) => retiredOf(client, keys))
  if (retired.length > 0) throw retiredHere(retired)
}

async function knownSlots(client: PoolClient, keys: readonly string[]): Promise<readonly SignedSlot[]> {
  const { rows } = await client.query<Record<string, unknown>>(knownSql, [keys])
  return rows.map((row) => ({
    keyId: String(row.key_id),
    purpose: String(row.purpose),
    scope: String(row.scope),
    position: [String(row.position_0), String(row.position_1)],
    payloadDigest: `0x${row.payload_digest instanceof Uint8Array ? Buffer.from(row.payload_digest).toString('hex') : ''}`,
  }))
}

async function retiredOf(client: PoolClient, keys: readonly string[]): Promise<readonly string[]> {
  const { rows } = await client.query<{ key_id: string }>(
    'select key_id from signing_retired where key_id = any ($1::text[]) order by key_id',
    [keys],
  )
  return rows.map((row) => row.key_id)
}

async function takeOver(client: PoolClient, slots: readonly SignedSlot[]): Promise<void> {
  if (slots.length === 0) return
  await client.query(takeOverSql, [
    slots.map(({ keyId }) => keyId),
    slots.map(({ purpose }) => purpose),
    slots.map(({ scope }) => scope),
    slots.map(({ position }) => position[0]),
    slots.map(({ position }) => position[1]),
    slots.map(({ payloadDigest }) => Buffer.from(payloadDigest.slice(2), 'hex')),
  ])
}
