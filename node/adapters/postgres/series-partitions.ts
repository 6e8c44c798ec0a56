import type pg from 'pg'
import type { Database } from './database.ts'
import { type Kind, kinds, partitionStart } from './series-kinds.ts'

export interface Partition {
  readonly kind: Kind
  readonly start: number
}

const nameOf = ({ kind, start }: Partition) => `${kind.table}_${start}`

/** Held with each change of series, shared: what is pruned stands still meanwhile. */
export const shareSeriesSql = `select pg_advisory_xact_lock_shared(hashtextextended('iyi series ' || $1, 0))`
export const lockSeriesSql = `select pg_advisory_xact_lock(hashtextextended('iyi series ' || $1, 0))`

/** Partitions that are there, as far as this process knows. */
export class Partitions {
  readonly #known = new Set<string>()

  /** Those that rows of these kinds and moments need and that are not known yet. */
  missing(places: Iterable<readonly [Kind, number]>): readonly Partition[] {
    const found = new Map<string, Partition>()
    for (const [kind, time] of places) {
      const partition = { kind, start: partitionStart(kind, time) }
      const name = nameOf(partition)
      if (!this.#known.has(name)) found.set(name, partition)
    }
    return [...found.values()]
  }

  /** Their transaction was committed. */
  learn(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.#known.add(nameOf(partition))
  }

  /** What is known may be wrong. */
  forget(): void {
    this.#known.clear()
  }
}

/**
 * Makes those partitions that are not there, in the caller's transaction, before it has touched any row: beside another
 * chain's it waits for that one's end. Attaching takes a lock on the parent that stops neither reads nor writes, as
 * `partition of` would. False, and none is made, where more than `most` are not there.
 */
export async function makePartitions(
  client: pg.PoolClient,
  schema: string,
  { partitions, most }: { readonly partitions: readonly Partition[]; readonly most: number },
): Promise<boolean> {
  if (partitions.length === 0) return true
  await client.query(`select pg_advisory_xact_lock(hashtextextended('iyi partitions ' || $1, 0))`, [schema])
  const { rows } = await client.query<{ name: string }>(
    'select name from unnest($1::text[]) name where to_regclass(name) is not null',
    [partitions.map(nameOf)],
  )
  const there = new Set(rows.map(({ name }) => name))
  const making = partitions.filter((partition) => !there.has(nameOf(partition)))
  if (making.length === 0) return true
  if (making.length > most) return false
  await client.query(
    making
      .map((partition) => {
        const { kind, start } = partition
        const name = nameOf(partition)
        return `create table ${name} (like ${kind.table} including all);
          alter table ${kind.table} attach partition ${name} for values from (${start}) to (${start + kind.partition});`
      })
      .join('\n'),
  )
  return true
}

/** All partitions, oldest first. */
export async function listPartitions(database: Pick<Database, 'query'>): Promise<readonly Partition[]> {
  const rows = await database.query(
    `select parent.relname as parent, child.relname as name
       from pg_inherits join pg_class child on child.oid = inhrelid join pg_class parent on parent.oid = inhparent
       where parent.relname = any($1) and parent.relnamespace = current_schema()::regnamespace`,
    [kinds.map(({ table }) => table)],
  )
  return rows
    .flatMap((row) => {
      const kind = kinds.find(({ table }) => table === row.parent)
      const start = Number(String(row.name).slice(String(row.parent).length + 1))
      return kind === undefined || !Number.isSafeInteger(start) ? [] : [{ kind, start }]
    })
    .sort((a, b) => a.start - b.start)
}

/**
 * Drops a partition in the caller's transaction; false when somebody reads it for longer than a moment: readers that come
 * later would queue behind.
 */
export async function dropPartition(client: pg.PoolClient, partition: Partition): Promise<boolean> {
  try {
    await client.query(`set local lock_timeout = '300ms'`)
    await client.query(`drop table if exists ${nameOf(partition)}`)
    return true
  } catch (error) {
    // lock_not_available
    if (error instanceof Error && 'code' in error && error.code === '55P03') return false
    throw error
  }
}
