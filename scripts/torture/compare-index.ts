import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import { until } from '../../test/adapters/ponder/fixture.ts'
import type { TortureChain } from './chain.ts'
import { Difference, differing } from './difference.ts'
import { canonical, type FollowedHere, textOf, trueEvents, trueTransfers } from './truth.ts'

/** The tables of one build. */
export interface Tables {
  readonly pool: Pool
  readonly schema: string
}

/**
 * Not compared with the clean index: `block` remembers live blocks, of which the clean index saw only the last. It is held
 * against the chain instead.
 */
const RING = 'block'

/** Resolves once every chain's newest block is in the tables, with all rows up to it. */
export async function caughtUp(
  tables: () => Promise<Tables | null>,
  chains: readonly TortureChain[],
  { withinMs, what }: { withinMs: number; what: string },
): Promise<void> {
  let last = 'nothing'
  await until(what, withinMs, async () => {
    const at = await tables()
    if (at === null) return false
    const heads = await marks(at).catch(() => new Map<number, string>())
    const tips = await Promise.all(
      chains.map(async ({ anvil }) => [anvil.chainId, (await anvil.client.getBlock()).hash] as const),
    )
    last = `${[...heads]} of ${tips}`
    return tips.every(([chainId, hash]) => heads.get(chainId) === hash)
  }).catch((error: unknown) => {
    throw new Difference('index', `${error instanceof Error ? error.message : error}: it is at ${last}`)
  })
}

async function marks({ pool, schema }: Tables): Promise<ReadonlyMap<number, string>> {
  const { rows } = await pool.query<{ chain: string; hash: string }>(
    `select chain_id::text as chain, block_hash as hash from "${schema}"."watermark"`,
  )
  return new Map(rows.map(({ chain, hash }) => [Number(chain), hash]))
}

/** Every table row for row. Resolves with one hash of all rows; rejects with the first `Difference`. */
export async function sameRows(stormed: Tables, clean: Tables): Promise<{ rows: number; hash: string }> {
  const [names, others] = [await tablesOf(stormed), await tablesOf(clean)]
  const missing = differing({ name: 'stormed', rows: names }, { name: 'clean', rows: others })
  if (missing !== null) throw new Difference('tables', 'the builds have different tables', missing)
  const hash = createHash('sha256')
  let count = 0
  for (const table of names) {
    if (table === RING) continue
    const [here, there] = [await rowsOf(stormed, table), await rowsOf(clean, table)]
    const found = differing({ name: 'stormed', rows: here }, { name: 'clean', rows: there })
    if (found !== null)
      throw new Difference(
        table,
        `table ${table} has ${here.length} rows, a clean index ${there.length}`,
        found,
      )
    count += here.length
    hash.update(`${table}\n`).update(here.join('\n'))
  }
  return { rows: count, hash: hash.digest('hex').slice(0, 16) }
}

/**
 * What the index says of a chain against what the chain says: events, transfers and remembered blocks. All tokens are followed
 * where `tokens` is absent; a table that is not there is a rejection.
 */
export async function asTheChainSays(
  tables: Tables,
  chain: TortureChain,
  followed: FollowedHere = { feeds: true },
): Promise<number> {
  const { anvil, name } = chain
  const { pool, schema } = tables
  const events = (await trueEvents(chain, followed)).map(textOf)
  const indexed = await pool.query<{ row: string }>(
    `select concat_ws(' ', chain_id, block_number, block_hash, log_index, name, data::text) as row
     from "${schema}"."event" where chain_id = $1`,
    [anvil.chainId],
  )
  refuse(
    'event',
    name,
    indexed.rows.map(({ row }) => normal(row)),
    events,
  )
  let transfers = 0
  for (const [at, { name: contract }] of chain.custom.entries()) {
    if (followed.tokens?.includes(at) === false) continue
    const table = `custom_${contract}_transfer`
    const { rows } = await pool.query<{ row: string }>(
      `select concat_ws(' ', block_number, log_index, "from", "to", value) as row from "${schema}"."${table}"`,
    )
    const wanted = await trueTransfers(chain, at)
    refuse(
      table,
      name,
      rows.map(({ row }) => row),
      wanted,
    )
    transfers += wanted.length
  }
  const ring = await pool.query<{ number: string; hash: string }>(
    `select number::text, hash from "${schema}"."${RING}" where chain_id = $1`,
    [anvil.chainId],
  )
  if (ring.rows.length === 0) throw new Difference(RING, `it has no block of ${name}`)
  for (const { number, hash } of ring.rows) {
    const block = await anvil.client.getBlock({ blockNumber: BigInt(number) }).catch(() => null)
    if (block?.hash !== hash)
      throw new Difference(RING, `${name} has another block ${number}`, [
        `index ${hash}`,
        `chain ${block?.hash}`,
      ])
  }
  return events.length + transfers
}

function refuse(table: string, chain: string, index: readonly string[], wanted: readonly string[]): void {
  const found = differing({ name: 'index', rows: index }, { name: 'chain', rows: wanted })
  if (found === null) return
  throw new Difference(
    table,
    `${table} has ${index.length} rows of ${chain}, the chain ${wanted.length}`,
    found,
  )
}

/** JSON as PostgreSQL shows it, with its keys in order. */
function normal(row: string): string {
  const at = row.indexOf('{')
  return at < 0 ? row : row.slice(0, at) + canonical(JSON.parse(row.slice(at)))
}

/** All tables that hold what was indexed: not Ponder's own, and not those by which it takes rows back. */
async function tablesOf({ pool, schema }: Tables): Promise<readonly string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = $1 and table_type = 'BASE TABLE' and table_name !~ '^_' order by 1`,
    [schema],
  )
  return rows.map(({ name }) => name)
}

async function rowsOf({ pool, schema }: Tables, table: string): Promise<readonly string[]> {
  const { rows } = await pool.query<{ row: string }>(
    `select t::text as row from "${schema}"."${table}" t order by 1`,
  )
  return rows.map(({ row }) => row)
}
