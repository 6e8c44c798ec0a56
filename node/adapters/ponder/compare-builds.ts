import type { Pool, PoolClient } from 'pg'
import { contractColumns, indexTables } from '../../ports/index-tables.ts'
import type { BuiltContract, StoredBuild } from './build-store.ts'
import { snakeCase } from './names.ts'
import { type Position, type PositionRow, positionOf, positionsSql } from './positions.ts'
import { inTransaction } from './transaction.ts'

/** One table of one chain, of contracts that both builds follow alike. */
export interface Comparison {
  readonly table: string
  readonly chainId: number
  /** `pending`: rows that change can be compared only while both builds stand at the same block. */
  readonly result: 'equal' | 'different' | 'pending'
  readonly rows: number
  /** Some of the rows that only one has. */
  readonly examples: readonly string[]
}

type Client = Pool | PoolClient

/** What of a table is compared. */
interface Part {
  readonly table: string
  readonly chainId: number
  /** Of these contracts alone, by that column; null for the whole table. */
  readonly of: { readonly column: string; readonly addresses: readonly string[] } | null
  readonly appended: boolean
}

const EXAMPLES = 3
/** Blocks a statement: none holds its locks for long. */
const CHUNK = 50_000n

/** Whether the new build has got as far as the old one, on every chain that both have. */
export async function hasCaughtUp(pool: Pool, old: string, next: string): Promise<boolean> {
  const [before, after] = [await positionsOf(pool, old), await positionsOf(pool, next)]
  return before.every(({ newest: { chainId, block } }) => {
    const other = after.find(({ newest }) => newest.chainId === chainId)
    return other === undefined || other.newest.block >= block
  })
}

/**
 * Compares the rows that are only ever added, of all contracts that both builds follow from the same block on with the same
 * code, up to the block that neither takes back any more. They never change, so this needs no snapshot.
 */
export async function compareAdded(
  pool: Pool,
  old: StoredBuild,
  next: StoredBuild,
): Promise<readonly Comparison[]> {
  const [before, after] = [await positionsOf(pool, old.schema), await positionsOf(pool, next.schema)]
  const found: Comparison[] = []
  for (const part of (await partsOf(pool, old, next)).filter(({ appended }) => appended)) {
    const safe = [before, after].map(
      (positions) => positions.find(({ newest }) => newest.chainId === part.chainId)?.safe ?? -1n,
    )
    const [upTo = -1n] = safe.sort((a, b) => (a < b ? -1 : 1))
    found.push(await compareRanges(pool, part, [old.schema, next.schema], upTo))
  }
  return found
}

/** Compares rows that change, of the same contracts, in one snapshot. A chain counts where both stand at the same block. */
export async function compareChanging(
  pool: Pool,
  old: StoredBuild,
  next: StoredBuild,
): Promise<readonly Comparison[]> {
  const parts = (await partsOf(pool, old, next)).filter(({ appended }) => !appended)
  return inTransaction(
    pool,
    async (client) => {
      const compared: Comparison[] = []
      // Tables first, and `watermark` last: the order in which Ponder locks them.
      for (const part of parts)
        compared.push(await compareRange(client, part, [old.schema, next.schema], null))
      const [before, after] = [await headsOf(client, old.schema), await headsOf(client, next.schema)]
      return compared.map((each) => {
        const head = before.get(each.chainId)
        const together = head !== undefined && head === after.get(each.chainId)
        return together ? each : { ...each, result: 'pending', examples: [] }
      })
    },
    'begin isolation level repeatable read read only',
  )
}

/** Contracts by chain that both follow alike. An address that is followed as two kinds must be so in both. */
export function commonAddresses(
  old: readonly BuiltContract[],
  next: readonly BuiltContract[],
): ReadonlyMap<number, readonly string[]> {
  const byAddress = (contracts: readonly BuiltContract[]) => {
    const found = new Map<string, string>()
    const sorted = [...contracts].sort((a, b) => (a.kind < b.kind ? -1 : 1))
    for (const { kind, chainId, address, startBlock, program } of sorted) {
      const key = `${chainId} ${address}`
      found.set(key, `${found.get(key) ?? ''}${kind} ${startBlock} ${program};`)
    }
    return found
  }
  const [before, after] = [byAddress(old), byAddress(next)]
  const common = new Map<number, string[]>()
  for (const [key, how] of before) {
    if (after.get(key) !== how) continue
    const [chainId = '', address = ''] = key.split(' ')
    common.set(Number(chainId), [...(common.get(Number(chainId)) ?? []), address])
  }
  return common
}

async function partsOf(pool: Pool, old: StoredBuild, next: StoredBuild): Promise<readonly Part[]> {
  const parts: Part[] = []
  const common = commonAddresses(old.contracts, next.contracts)
  for (const [name, column] of Object.entries(contractColumns)) {
    const appended = 'blockNumber' in indexTables[name as keyof typeof indexTables]
    for (const [chainId, all] of common) {
      const addresses = all.filter((address) => address.startsWith('0x'))
      if (addresses.length === 0) continue
      const of = { column: snakeCase(column), addresses }
      parts.push({ table: snakeCase(name), chainId, of, appended })
    }
  }
  for (const { chainId, address, tables = [] } of next.contracts) {
    if (common.get(chainId)?.includes(address) !== true) continue
    for (const table of tables) parts.push({ table, chainId, of: null, appended: true })
  }
  const same: Part[] = []
  for (const part of parts) if (await sameColumns(pool, part.table, old.schema, next.schema)) same.push(part)
  return same
}

async function positionsOf(
  client: Client,
  schema: string,
): Promise<readonly { readonly newest: Position; readonly safe: bigint }[]> {
  const { rows } = await client.query<[...PositionRow]>({ text: positionsSql(schema), rowMode: 'array' })
  return rows.flatMap((row) => {
    const newest = positionOf(row)
    const safe = positionOf([row[0], row[1], row[2], null, null])
    return newest === null ? [] : [{ newest, safe: safe?.block ?? -1n }]
  })
}

async function headsOf(client: Client, schema: string): Promise<ReadonlyMap<number, string>> {
  const { rows } = await client.query<[string, string]>({
    text: `select chain_id::text, block_hash from "${schema}"."watermark"`,
    rowMode: 'array',
  })
  return new Map(rows.map(([chainId, hash]) => [Number(chainId), hash]))
}

async function sameColumns(client: Client, table: string, old: string, next: string): Promise<boolean> {
  const of = async (schema: string) => {
    const { rows } = await client.query<{ columns: string | null }>(
      `select string_agg(column_name || ' ' || udt_name, ',' order by ordinal_position) as columns
       from information_schema.columns where table_schema = $1 and table_name = $2`,
      [schema, table],
    )
    return rows[0]?.columns ?? null
  }
  const columns = await of(old)
  return columns !== null && columns === (await of(next))
}

async function compareRanges(
  pool: Pool,
  part: Part,
  schemas: readonly [string, string],
  upTo: bigint,
): Promise<Comparison> {
  let rows = 0
  const first = await firstBlock(pool, part, schemas)
  for (let from = first; from !== null && from <= upTo; from += CHUNK) {
    const last = from + CHUNK - 1n
    const found = await compareRange(pool, part, schemas, [from, last < upTo ? last : upTo])
    rows += found.rows
    if (found.result === 'different') return { ...found, rows }
  }
  return { table: part.table, chainId: part.chainId, result: 'equal', rows, examples: [] }
}

async function firstBlock(
  pool: Pool,
  { table, chainId }: Part,
  schemas: readonly [string, string],
): Promise<bigint | null> {
  const firsts = schemas.map(
    (schema) => `select min(block_number) as b from "${schema}"."${table}" where chain_id = $1`,
  )
  const { rows } = await pool.query<{ b: string | null }>(
    `select min(b)::text as b from (${firsts.join(' union all ')}) both_sides`,
    [chainId],
  )
  const block = rows[0]?.b ?? null
  return block === null ? null : BigInt(block)
}

/** @param range first and last block; null for rows of all blocks */
async function compareRange(
  client: Client,
  { table, chainId, of }: Part,
  schemas: readonly [string, string],
  range: readonly [bigint, bigint] | null,
): Promise<Comparison> {
  const values: unknown[] = [chainId]
  const conditions = ['t.chain_id = $1']
  // Of contracts of operators' own the tables are compared: which of them are told as events is up to each build.
  if (table === 'event') conditions.push(`t.name not like 'custom.%'`)
  if (of !== null) conditions.push(`t."${of.column}" = any($${values.push(of.addresses)})`)
  if (range !== null) {
    conditions.push(`t.block_number >= $${values.push(range[0].toString())}`)
    conditions.push(`t.block_number <= $${values.push(range[1].toString())}`)
  }
  const rowsOf = (schema: string) =>
    `select t::text as row from "${schema}"."${table}" t where ${conditions.join(' and ')}`
  const digestOf = async (schema: string) => {
    // A sum does not depend on the order of the rows; the sort that would otherwise be needed does not fit in memory.
    const { rows } = await client.query<{ count: string; digest: string }>(
      `select count(*)::text as count, coalesce(sum(hashtextextended(row, 0)), 0)::text as digest
       from (${rowsOf(schema)}) all_rows`,
      values,
    )
    return rows[0] ?? { count: '0', digest: '0' }
  }
  const [old, next] = [await digestOf(schemas[0]), await digestOf(schemas[1])]
  const base = { table, chainId, rows: Number(next.count) }
  if (old.count === next.count && old.digest === next.digest)
    return { ...base, result: 'equal', examples: [] }
  const [before, after] = [rowsOf(schemas[0]), rowsOf(schemas[1])]
  const { rows } = await client.query<{ row: string }>(
    `((${before}) except (${after})) union all ((${after}) except (${before})) limit ${EXAMPLES}`,
    values,
  )
  return { ...base, result: 'different', examples: rows.map(({ row }) => row) }
}
