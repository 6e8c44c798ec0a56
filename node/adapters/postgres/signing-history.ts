import { createHash } from 'node:crypto'
import type { Metrics } from '../../ports/metrics.ts'
import type { GuardedSigner, SigningSlot } from '../../ports/signer.ts'
import type { Database } from './database.ts'
import { DatabaseError, SignerError } from './errors.ts'
import { Grouper } from './grouper.ts'
import { isSoundSlot } from './signing-slot.ts'

/** A key as the history sees it. */
export interface GuardableKey {
  /** What the history is kept under; the same on every machine that holds the key: its address or public key. */
  readonly id: string
  /** Must be deterministic (RFC 8032, RFC 6979): a slot signed again has to give the same bytes. */
  sign(payload: Uint8Array): Promise<Uint8Array> | Uint8Array
}

export interface SigningHistory {
  guard(key: GuardableKey): GuardedSigner
  /** From now on every `sign` rejects with `SIGNER_UNAVAILABLE`: the lock was lost, or the node stops. */
  suspend(reason: string): void
}

interface Claim {
  readonly keyId: string
  readonly slot: SigningSlot
  readonly digest: Buffer
}

const columns = 'key_id, purpose, scope, position_0, position_1, payload_digest'

// One statement decides: PostgreSQL locks the row, compares, and writes, so that no second process slips in between.
// Sorted, so that two groups never wait for each other's rows in turn.
const claimSql = `
  insert into signing_history as known (${columns})
  select * from unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::bytea[])
    as claim (${columns})
  order by claim.key_id, claim.purpose, claim.scope
  on conflict (key_id, purpose, scope) do update
    set position_0 = excluded.position_0, position_1 = excluded.position_1,
        payload_digest = excluded.payload_digest, updated_at = now()
    where (known.position_0, known.position_1) < (excluded.position_0, excluded.position_1)
       or ((known.position_0, known.position_1) = (excluded.position_0, excluded.position_1)
           and known.payload_digest = excluded.payload_digest)
  returning key_id, purpose, scope`

/** The trigger's word for a retired key; see the node's migrations. */
const RETIRED = 'IYI01'
const slotKey = (keyId: string, purpose: string, scope: string) => JSON.stringify([keyId, purpose, scope])

/**
 * The memory that keeps a validator from signing two things for one slot, in the node's database (the idea of
 * EIP-3076). A claim is committed, on disk, before the key is asked to sign. Claims that arrive while one is being
 * written travel together in the next statement.
 */
export function signingHistory({
  database,
  metrics,
}: {
  database: Database
  metrics: Metrics
}): SigningHistory {
  const refused = metrics.counter({
    name: 'iyi_signer_refusals_total',
    help: 'Signatures refused because the slot was signed otherwise or passed.',
    labels: ['purpose', 'code'],
  })
  let suspended: string | null = null
  const claims = new Grouper<Claim, void>({
    keyOf: ({ keyId, slot }) => slotKey(keyId, slot.purpose, slot.scope),
    maxGroup: 500,
    run: (group) => claim(database, group),
  })
  return {
    guard: (key) => ({
      sign: async (slot, payload) => {
        // One claim that the server can't even read would fail its whole group; and what is signed must fit into an
        // exported history.
        if (!isSoundSlot(slot)) {
          throw new SignerError(
            'SIGNER_BAD_SLOT',
            'A slot is a purpose of 1 to 128 printable ASCII characters, a scope of 32 bytes in lower-case hex, and a pair of unsigned 256-bit integers.',
            { data: describe(slot) },
          )
        }
        if (suspended !== null) throw unavailable(suspended)
        // A copy: the caller's buffer must not change between what is remembered and what is signed.
        const bytes = Uint8Array.from(payload)
        const digest = createHash('sha256').update(bytes).digest()
        try {
          await claims.submit({ keyId: key.id, slot, digest })
        } catch (error) {
          if (error instanceof SignerError) refused.inc({ purpose: slot.purpose, code: error.code })
          throw error
        }
        if (suspended !== null) throw unavailable(suspended)
        return key.sign(bytes)
      },
    }),
    suspend: (reason) => {
      suspended ??= reason
    },
  }
}

/** Claims a group of distinct slots; each gets its own verdict. */
async function claim(database: Database, group: readonly Claim[]): Promise<(Error | undefined)[]> {
  const params = [
    group.map(({ keyId }) => keyId),
    group.map(({ slot }) => slot.purpose),
    group.map(({ slot }) => slot.scope),
    group.map(({ slot }) => slot.position[0].toString()),
    group.map(({ slot }) => slot.position[1].toString()),
    group.map(({ digest }) => digest),
  ]
  try {
    const taken = await database.query(claimSql, params)
    const granted = new Set(
      taken.map((row) => slotKey(String(row.key_id), String(row.purpose), String(row.scope))),
    )
    return await Promise.all(
      group.map(({ keyId, slot }) =>
        granted.has(slotKey(keyId, slot.purpose, slot.scope)) ? undefined : refusal(database, keyId, slot),
      ),
    )
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw unavailable(
      error.data.sqlState === RETIRED
        ? 'a key of this node was retired in this database, to go on elsewhere'
        : error.message,
      error,
    )
  }
}

/** Says why; the verdict itself has fallen, and positions only rise, so a later read can't turn it around. */
async function refusal(database: Database, keyId: string, slot: SigningSlot): Promise<SignerError> {
  const [known] = await database.query(
    'select position_0, position_1 from signing_history where key_id = $1 and purpose = $2 and scope = $3',
    [keyId, slot.purpose, slot.scope],
  )
  const signed = [String(known?.position_0), String(known?.position_1)]
  const data = { ...describe(slot), keyId, signed }
  return signed[0] === slot.position[0].toString() && signed[1] === slot.position[1].toString()
    ? new SignerError(
        'SIGNER_SLOT_CONFLICT',
        'This key already signed something else for this slot. If it happens again, look for a second node with the same keys.',
        { data },
      )
    : new SignerError(
        'SIGNER_SLOT_PASSED',
        'This key already signed a later slot. If it happens again, look for a second node with the same keys or a restored old database.',
        { data },
      )
}

function describe(slot: SigningSlot) {
  return {
    purpose: slot.purpose,
    scope: slot.scope,
    position: [slot.position[0].toString(), slot.position[1].toString()],
  }
}

function unavailable(reason: string, cause?: unknown): SignerError {
  return new SignerError('SIGNER_UNAVAILABLE', `The node can't sign now: ${reason}`, {
    data: {},
    retry: true,
    ...(cause === undefined ? {} : { cause }),
  })
}
