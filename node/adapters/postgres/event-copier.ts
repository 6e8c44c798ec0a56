import type { ChainInfo } from '../../ports/chain.ts'
import type { Health } from '../../ports/health.ts'
import type { ChainFreshness, IndexReader } from '../../ports/index-reader.ts'
import type { Row } from '../../ports/index-tables.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Database } from './database.ts'
import { insertEventsParams, insertEventsSql } from './event-rows.ts'

/** Largest page of the index reader. */
const maxPage = 10_000
/** An index further behind the head than this is worth a warning. */
const lagLimit = 60
/** A cursor that moves over blocks without events is written only this often: reading them again costs little. */
const lazyBlocks = 64n

interface ChainState {
  /** Blocks up to here are copied; null until read from the database. */
  cursor: bigint | null
  /** What the database has as the cursor. */
  stored: bigint
  /** The newest event copied, by which a reorg below the confirmation depth shows. */
  anchor: Pick<Row<'event'>, 'blockHash' | 'logIndex' | 'blockNumber'> | null
  trouble: string | null
  reorg: string | null
}

/**
 * Copies confirmed events from the index into the node's own log, whole blocks at a time: rows and the chain's cursor
 * in one transaction.
 */
export class EventCopier {
  readonly #batch: number
  readonly #database: Database
  readonly #index: IndexReader
  readonly #chains: () => readonly ChainInfo[]
  readonly #log: Logger
  readonly #copied
  readonly #states = new Map<number, ChainState>()

  constructor(
    { batch }: { batch: number },
    modules: {
      database: Database
      index: IndexReader
      chains: { chains(): readonly ChainInfo[] }
      log: Logger
      metrics: Metrics
    },
  ) {
    this.#batch = Math.min(Math.max(1, batch), maxPage)
    this.#database = modules.database
    this.#index = modules.index
    this.#chains = () => modules.chains.chains()
    this.#log = modules.log
    this.#copied = modules.metrics.counter({
      name: 'iyi_events_copied_total',
      help: 'Confirmed events copied from the index into the durable log.',
      labels: ['chain'],
    })
  }

  /**
   * Copies what is confirmed by now. Tells how many events are new, and which chains failed: one does not hold up the
   * others. Rejects when the index doesn't answer at all.
   */
  async pass(
    signal: AbortSignal,
  ): Promise<{ copied: number; failures: readonly { chain: string; error: unknown }[] }> {
    const freshness = await this.#index.freshness()
    const failures: { chain: string; error: unknown }[] = []
    let copied = 0
    for (const chain of this.#chains()) {
      const state = this.#state(chain.id)
      const safe = confirmed(chain, freshness, state)
      try {
        while (safe !== null && !signal.aborted) {
          const step = await this.#copy(chain, safe, state)
          copied += step.copied
          if (step.done) break
        }
      } catch (error) {
        failures.push({ chain: chain.name, error })
      }
    }
    return { copied, failures }
  }

  health(): Health {
    const reasons = [...this.#states.values()].flatMap(({ reorg, trouble }) => [reorg, trouble])
    const reason = reasons.filter((text) => text !== null).join('; ')
    return reason === '' ? { status: 'ok' } : { status: 'degraded', reason }
  }

  #state(chainId: number): ChainState {
    const known = this.#states.get(chainId)
    if (known !== undefined) return known
    const state: ChainState = { cursor: null, stored: -1n, anchor: null, trouble: null, reorg: null }
    this.#states.set(chainId, state)
    return state
  }

  async #copy(chain: ChainInfo, safe: bigint, state: ChainState): Promise<{ copied: number; done: boolean }> {
    const cursor = state.cursor ?? (await this.#load(chain.id, state))
    if (safe <= cursor) return { copied: 0, done: true }
    const { rows, upTo } = await this.#read(chain.id, cursor, safe)
    if (rows.length > 0) await this.#checkAnchor(chain, state)
    if (rows.length > 0 || upTo - state.stored >= lazyBlocks) await this.#write(chain.id, rows, upTo, state)
    state.cursor = upTo
    const last = rows.at(-1)
    if (last !== undefined) {
      state.anchor = last
      this.#copied.inc({ chain: chain.name }, rows.length)
    }
    return { copied: rows.length, done: upTo >= safe }
  }

  async #load(chainId: number, state: ChainState): Promise<bigint> {
    const [row] = await this.#database.query('select block_number from event_cursor where chain_id = $1', [
      chainId,
    ])
    const [newest] = await this.#database.query(
      'select block_hash, log_index, block_number from event where chain_id = $1 order by seq desc limit 1',
      [chainId],
    )
    state.stored = row === undefined ? -1n : BigInt(String(row.block_number))
    state.cursor = state.stored
    if (newest !== undefined) {
      state.anchor = {
        blockHash: String(newest.block_hash) as `0x${string}`,
        logIndex: Number(newest.log_index),
        blockNumber: BigInt(String(newest.block_number)),
      }
    }
    return state.cursor
  }

  /** Whole blocks after `cursor`: about a batch of events, and the block up to which they are complete. */
  async #read(
    chainId: number,
    cursor: bigint,
    safe: bigint,
  ): Promise<{ rows: readonly Row<'event'>[]; upTo: bigint }> {
    const rows = await this.#page(chainId, { after: cursor, upTo: safe }, -1)
    if (rows.length < this.#batch) return { rows, upTo: safe }
    const last = rows.at(-1)?.blockNumber ?? safe
    const whole = rows.filter((row) => row.blockNumber < last)
    if (whole.length > 0) return { rows: whole, upTo: last - 1n }
    // One block fills the page: take all of it.
    const block = [...rows]
    for (;;) {
      const more = await this.#page(chainId, { after: last - 1n, upTo: last }, block.at(-1)?.logIndex ?? -1)
      block.push(...more)
      if (more.length < this.#batch) return { rows: block, upTo: last }
    }
  }

  #page(
    chainId: number,
    { after, upTo }: { after: bigint; upTo: bigint },
    afterLogIndex: number,
  ): Promise<readonly Row<'event'>[]> {
    return this.#index.select({
      table: 'event',
      where: [
        { column: 'chainId', op: '=', value: chainId },
        { column: 'blockNumber', op: '>', value: after },
        { column: 'blockNumber', op: '<=', value: upTo },
        { column: 'logIndex', op: '>', value: afterLogIndex },
      ],
      orderBy: [
        { column: 'blockNumber', direction: 'asc' },
        { column: 'logIndex', direction: 'asc' },
      ],
      limit: this.#batch,
      // The cursor moves by what comes back, and the index may take rows away again since `freshness` was asked.
      complete: { chainId, block: upTo },
    })
  }

  async #write(
    chainId: number,
    rows: readonly Row<'event'>[],
    upTo: bigint,
    state: ChainState,
  ): Promise<void> {
    const lock = `select pg_advisory_xact_lock(hashtextextended('iyi events ' || $1, 0))`
    await this.#database.batch([
      // Numbers become visible in their order: one writer at a time.
      { sql: lock, params: [this.#database.schema] },
      ...(rows.length === 0 ? [] : [{ sql: insertEventsSql, params: insertEventsParams(rows) }]),
      {
        sql: `insert into event_cursor as known (chain_id, block_number) values ($1, $2)
              on conflict (chain_id) do update set block_number = greatest(known.block_number, excluded.block_number)`,
        params: [chainId, upTo.toString()],
      },
    ])
    state.stored = upTo
  }

  /** An event once copied that the index no longer has: the chain went back further than its confirmations. */
  async #checkAnchor(chain: ChainInfo, state: ChainState): Promise<void> {
    const { anchor } = state
    if (anchor === null || state.reorg !== null) return
    const found = await this.#index.select({
      table: 'event',
      where: [
        { column: 'chainId', op: '=', value: chain.id },
        { column: 'blockNumber', op: '=', value: anchor.blockNumber },
        { column: 'blockHash', op: '=', value: anchor.blockHash },
        { column: 'logIndex', op: '=', value: anchor.logIndex },
      ],
      limit: 1,
      complete: { chainId: chain.id, block: anchor.blockNumber },
    })
    if (found.length > 0) return
    const at = anchor.blockNumber.toString()
    state.reorg = `${chain.name} dropped block ${at} after ${chain.confirmations} confirmations; raise the chain's confirmations and check what was done on its events`
    this.#log.error(
      { chainId: chain.id, block: at, hash: anchor.blockHash },
      'Lose a confirmed block in a reorg',
    )
  }
}

/** Newest block whose events may be copied; null while unknown. Notes in `state` why a chain stands still. */
function confirmed(chain: ChainInfo, freshness: readonly ChainFreshness[], state: ChainState): bigint | null {
  const fresh = freshness.find(({ chainId }) => chainId === chain.id)
  if (fresh?.indexed == null || fresh.head === null) {
    const missing = fresh?.indexed == null ? 'the index has no block of' : 'no provider answered for'
    state.trouble = `${missing} ${chain.name}; events wait until it does`
    return null
  }
  const behind = fresh.lagBlocks ?? 0
  state.trouble =
    behind > lagLimit
      ? `the index is ${behind} blocks behind ${chain.name}; events come late until it caught up`
      : null
  const { indexed, head } = fresh
  const atLimit = indexed.number <= head.number ? indexed : head
  return atLimit.number - BigInt(chain.confirmations)
}
