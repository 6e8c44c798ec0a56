import type { Pool, PoolClient } from 'pg'
import { contractColumns, indexTables } from '../../ports/index-tables.ts'
import type { BuiltContract, StoredBuild } from './build-store.ts'
import { inTransaction } from './flip.ts'
import { snakeCase } from './names.ts'
import { type PositionRow, positionOf, positionsSql } from './positions.ts'

/** One table of one chain, of contracts that both builds follow alike. */
export interface Comparison {
  readonly table: string
  readonly chainId: number
  /**
   * `pending`: equal so far. Rows that change can be compared only while both builds stand at the same block, and of those
   * that are added the new build still lacks some.
   */
  readonly result: 'equal' | 'different' | 'pending'
  readonly rows: number
  /** Some of the rows that only one has. */
  readonly examples: readonly string[]
}

interface Place {
  readonly chainId: number
  /** Complete up to here in both. */
  readonly block: bigint
  readonly together: boolean
  /** The new build has not got as far as the old one. */
  readonly behind: boolean
}

const EXAMPLES = 3

/**
 * Compares what two builds say of the contracts that both follow from the same block on with the same code: all rows that
 * are only ever added, up to the block that both have; rows that change, when both stand at the same block. All of it in
 * one snapshot. Tables whose columns differ are left out.
 */
export async function compareBuilds(
  pool: Pool,
  old: StoredBuild,
  next: StoredBuild,
): Promise<readonly Comparison[]> {
  const addresses = commonAddresses(old.contracts, next.contracts)
  return await inTransaction(
    pool,
    async (client) => {
      await client.query('set local statement_timeout = 0')
      const places = await commonPlaces(client, old.schema, next.schema)
      const found: Comparison[] = []
      for (const [name, column] of Object.entries(contractColumns)) {
        const table = snakeCase(name)
        if (!(await sameColumns(client, table, old.schema, next.schema))) continue
        for (const place of places) {
          const shared = addresses.get(place.chainId) ?? []
          if (shared.length === 0) continue
          found.push(
            await compareTable(client, {
              ...{ table, column: snakeCase(column), place, shared },
              appended: 'blockNumber' in indexTables[name as keyof typeof indexTables],
              schemas: [old.schema, next.schema],
            }),
          )
        }
      }
      return found
    },
    'begin isolation level repeatable read read only',
  )
}

/** By chain. An address that is followed as two kinds must be so in both. */
export function commonAddresses(
  old: readonly BuiltContract[],
  next: readonly BuiltContract[],
): ReadonlyMap<number, readonly string[]> {
  const byAddress = (contracts: readonly BuiltContract[]) => {
    const found = new Map<string, string>()
    for (const { kind, chainId, address, startBlock, program } of [...contracts].sort((a, b) =>
      a.kind < b.kind ? -1 : 1,
    )) {
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

async function commonPlaces(client: PoolClient, old: string, next: string): Promise<readonly Place[]> {
  const of = async (schema: string) => {
    const { rows } = await client.query<[...PositionRow]>({ text: positionsSql(schema), rowMode: 'array' })
    const heads = await client.query<[string, string]>({
      text: `select chain_id::text, block_hash from "${schema}"."watermark"`,
      rowMode: 'array',
    })
    return {
      positions: rows.map(positionOf).filter((position) => position !== null),
      heads: new Map(heads.rows.map(([chainId, hash]) => [Number(chainId), hash])),
    }
  }
  const [before, after] = [await of(old), await of(next)]
  return before.positions.flatMap((position) => {
    const { chainId } = position
    const other = after.positions.find((candidate) => candidate.chainId === chainId)
    if (other === undefined) return []
    const { block } = position.block < other.block ? position : other
    const head = before.heads.get(chainId)
    const together = head !== undefined && head === after.heads.get(chainId)
    return [{ chainId, block, together, behind: other.block < position.block }]
  })
}

async function sameColumns(client: PoolClient, table: string, old: string, next: string): Promise<boolean> {
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

async function compareTable(
  client: PoolClient,
  of: {
    readonly table: string
    readonly column: string
    readonly appended: boolean
    readonly place: Place
    readonly shared: readonly string[]
    readonly schemas: readonly [string, string]
  },
): Promise<Comparison> {
  const { table, column, appended, place, shared, schemas } = of
  const { chainId, block, together, behind } = place
  const base = { table, chainId, rows: 0, examples: [] }
  if (!appended && !together) return { ...base, result: 'pending' }
  const rowsOf = (schema: string) =>
    `select t::text as row from "${schema}"."${table}" t where t.chain_id = $1 and t."${column}" = any($2)` +
    (appended ? ' and t.block_number <= $3' : '')
  const values = [chainId, shared, ...(appended ? [block.toString()] : [])]
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
  if (old.count === next.count && old.digest === next.digest)
    return { ...base, result: appended && behind ? 'pending' : 'equal', rows: Number(old.count) }
  const [before, after] = [rowsOf(schemas[0]), rowsOf(schemas[1])]
  const { rows } = await client.query<{ row: string }>(
    `((${before}) except (${after})) union all ((${after}) except (${before})) limit ${EXAMPLES}`,
    values,
  )
  return { ...base, result: 'different', rows: Number(next.count), examples: rows.map(({ row }) => row) }
}
