import type { Pool, PoolClient } from 'pg'
import type { ChainReader, Hex } from '../../ports/chain.ts'
import type { Clock } from '../../ports/clock.ts'
import {
  type ChainFreshness,
  type IndexQuery,
  type IndexReader,
  lagSecondsOf,
} from '../../ports/index-reader.ts'
import { blockSlots, type Column, type Row, type TableName } from '../../ports/index-tables.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { IndexError } from './errors.ts'
import { headTracker } from './head-tracker.ts'
import { checkedSchema } from './names.ts'
import { type Position, type PositionRow, positionOf, positionsSql } from './positions.ts'
import { selectStatement } from './select-sql.ts'
import { servingBuild } from './serving-build.ts'
import { positionWaiter } from './wait-position.ts'

export interface IndexReaderOptions {
  /** Schema of the views that Ponder points at its ready tables. */
  readonly viewsSchema: string
  /** How often the chains' heads are asked for and the metrics set. */
  readonly headPollMs: number
}

export interface IndexReaderModules {
  /** Of the database that Ponder writes; its owner closes it. */
  readonly pool: Pool
  readonly chain: Pick<ChainReader, 'chains' | 'head' | 'finalized'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}

/** No schema, table or column of that name: Ponder has not made its views, or those of another build are in place. */
const viewsAbsent = new Set(['3F000', '42P01', '42703'])

/**
 * Reads Ponder's tables through its views, and says how far they are complete. Nothing is read before the views
 * exist, which is when Ponder's first backfill has ended: `select` rejects with `INDEX_UNAVAILABLE` (retry) until then
 * and `freshness` has `indexed: null`.
 *
 * `start` begins to follow the heads; `stop` ends that and rejects who waits. Throws `INDEX_BAD_OPTIONS`.
 */
export function ponderIndexReader(
  options: IndexReaderOptions,
  modules: IndexReaderModules,
): IndexReader & { start(): Promise<void>; stop(): Promise<void> } {
  const { pool, chain, clock, log, metrics } = modules
  const schema = checkedSchema(options.viewsSchema)
  const positionsText = positionsSql(schema)
  const buildOf = servingBuild(schema, { pool, clock })
  const heads = headTracker({ pollMs: options.headPollMs, afterPoll: report }, { chain, clock, log })
  const waiter = positionWaiter({ clock, positions })
  const gauge = (name: string, help: string) => metrics.gauge({ name, help, labels: ['chain'] })
  const headGauge = gauge('iyi_index_head_block', 'Newest block seen on the chain.')
  const indexedGauge = gauge('iyi_index_indexed_block', 'Newest block whose events are all in the tables.')
  const lagGauge = gauge('iyi_index_lag_blocks', 'Blocks of the chain that are not indexed yet.')
  const lagSecondsGauge = gauge(
    'iyi_index_lag_seconds',
    'How much older the newest indexed block is than the head.',
  )
  let readable = true

  async function positions(): Promise<readonly Position[]> {
    return run((client) => positionsIn(client), [])
  }

  async function positionsIn(client: Pool | PoolClient): Promise<readonly Position[]> {
    const { rows } = await client.query<[...PositionRow]>({ text: positionsText, rowMode: 'array' })
    return rows.map(positionOf).filter((position) => position !== null)
  }

  /** `absent` instead of a rejection when the views don't exist. */
  async function run<V>(work: (client: Pool) => Promise<V>, absent?: V): Promise<V> {
    try {
      return await work(pool)
    } catch (error) {
      if (error instanceof IndexError) throw error
      const missing = viewsAbsent.has(sqlState(error))
      if (missing && absent !== undefined) return absent
      const reason = missing ? 'the indexer is still at its backfill' : 'the database does not answer'
      throw new IndexError('INDEX_UNAVAILABLE', `Can't read the index: ${reason}. Try again.`, {
        data: { reason, sqlState: sqlState(error) },
        retry: true,
        cause: error,
      })
    }
  }

  async function freshness(): Promise<readonly ChainFreshness[]> {
    // The build first: rows read later are of this one, or of one that is told next time.
    const build = await run(() => buildOf())
    const found = await positions()
    return chain.chains().map(({ id, name }) => {
      const { head, finalized } = heads.of(id)
      const position = found.find(({ chainId }) => chainId === id)
      const indexed =
        position === undefined ? null : { number: position.block, timestamp: position.timestamp }
      const lag = head === null || indexed === null ? null : Number(head.number - indexed.number)
      // The indexer may have seen a block that our own poll has not.
      return {
        chainId: id,
        name,
        head,
        indexed,
        finalized,
        ...(build === null ? {} : { build: build.lineage, edition: build.schema }),
        lagBlocks: lag === null ? null : Math.max(lag, 0),
      }
    })
  }

  async function report(): Promise<void> {
    try {
      for (const fresh of await freshness()) {
        const { name, head, indexed, lagBlocks } = fresh
        const lagSeconds = lagSecondsOf(fresh)
        if (head !== null) headGauge.set(Number(head.number), { chain: name })
        if (indexed !== null) indexedGauge.set(Number(indexed.number), { chain: name })
        if (lagBlocks !== null) lagGauge.set(lagBlocks, { chain: name })
        if (lagSeconds !== null) lagSecondsGauge.set(lagSeconds, { chain: name })
      }
      if (!readable) log.info({}, 'Read the index again')
      readable = true
    } catch (error) {
      if (readable) log.warn({ err: error }, 'Fail to read the index, keep trying')
      readable = false
    }
  }

  async function select<T extends TableName, C extends Column<T> = Column<T>>(
    query: IndexQuery<T, C>,
  ): Promise<readonly Pick<Row<T>, C>[]> {
    const { text, values, decode } = selectStatement(schema, query)
    const request = { text, values: [...values], rowMode: 'array' as const }
    const { complete } = query
    const rows = await run(async () =>
      complete === undefined
        ? (await pool.query<unknown[]>(request)).rows
        : inSnapshot(async (client) => {
            // Rows first: see positionsSql on the order.
            const result = await client.query<unknown[]>(request)
            if (complete.hash !== undefined) await checkBranch(client, { ...complete, hash: complete.hash })
            checkComplete(await positionsIn(client), complete)
            return result.rows
          }),
    )
    return rows.map(decode)
  }

  async function checkBranch(
    client: PoolClient,
    { chainId, block, hash }: { chainId: number; block: bigint; hash: Hex },
  ): Promise<void> {
    const { rows } = await client.query<[string]>({
      text: `SELECT hash::text FROM "${schema}"."block" WHERE chain_id = $1 AND slot = $2 AND number = $3`,
      values: [chainId, Number(block % BigInt(blockSlots)), block.toString()],
      rowMode: 'array',
    })
    if (rows[0]?.[0] === hash.toLowerCase()) return
    throw new IndexError('INDEX_BEHIND', `Block ${block} is another one (now). Try again.`, {
      data: { chainId, block, hash, indexed: rows[0]?.[0] ?? null },
      retry: true,
    })
  }

  async function inSnapshot<V>(work: (client: PoolClient) => Promise<V>): Promise<V> {
    const client = await pool.connect()
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      const value = await work(client)
      await client.query('COMMIT')
      client.release()
      return value
    } catch (error) {
      const clean = await client.query('ROLLBACK').then(
        () => true,
        () => false,
      )
      client.release(!clean)
      throw error
    }
  }

  return {
    select,
    freshness,
    async waitFor(chainId, block, timeoutMs) {
      if (!chain.chains().some(({ id }) => id === chainId))
        throw new IndexError(
          'INDEX_BAD_QUERY',
          `Chain ${chainId} is not configured. Name a configured chain.`,
          {
            data: { chainId },
          },
        )
      await waiter.wait(chainId, block, timeoutMs)
    },
    async start() {
      heads.start()
    },
    async stop() {
      waiter.stop()
      await heads.stop()
    },
  }
}

function checkComplete(positions: readonly Position[], wanted: { chainId: number; block: bigint }): void {
  const indexed = positions.find(({ chainId }) => chainId === wanted.chainId)?.block ?? null
  if (indexed !== null && indexed >= wanted.block) return
  throw new IndexError('INDEX_BEHIND', `Block ${wanted.block} is not indexed (any more). Try again.`, {
    data: { chainId: wanted.chainId, block: wanted.block, indexed },
    retry: true,
  })
}

function sqlState(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
