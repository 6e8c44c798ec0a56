import type { ChainInfo } from '../../ports/chain.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EventLog } from '../../ports/events.ts'
import type { Health } from '../../ports/health.ts'
import type { IndexReader } from '../../ports/index-reader.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Database } from './database.ts'
import { DatabaseError, EventLogError } from './errors.ts'
import { EventConsumer } from './event-consumer.ts'
import { EventCopier } from './event-copier.ts'
import { readEvents } from './event-rows.ts'
import { backoffMs, pause } from './wake.ts'

export interface EventLogOptions {
  /** How often the index is asked for news; 200 when absent. */
  readonly pollMs?: number
  /** About how many events are copied in one transaction; 1,000 when absent, at most 10,000. */
  readonly batch?: number
}

export interface EventLogModules {
  readonly database: Database
  readonly index: IndexReader
  /** Gives each chain's confirmations: a `ChainReader` will do. */
  readonly chains: { chains(): readonly ChainInfo[] }
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}

/** The event log and its engine. Subscribing works before and after `start`; delivery runs from `start` to `stop`. */
export interface DurableEventLog extends EventLog {
  start(): Promise<void>
  /** Resolves once the copy in progress and all handlers in flight have ended. */
  stop(): Promise<void>
  health(): Health
}

const indexBackoffLimitMs = 2_000

/**
 * The node's durable event log in PostgreSQL. It follows the indexed `event` table of every chain up to
 * min(indexed, head) less the chain's confirmations and keeps its own copy, each event once (unique on chain, block
 * hash, log index); consumers read that copy, at least once and in order. While the index is away the log waits,
 * `degraded`, and goes on by itself.
 *
 * Rejects with EventLogError `EVENTS_CONSUMER_BUSY`, `EVENTS_BAD_OPTIONS`, `EVENTS_STOPPED`, `EVENTS_UNAVAILABLE` (retry).
 */
export function eventLog(options: EventLogOptions, modules: EventLogModules): DurableEventLog {
  const { database, clock, log, metrics } = modules
  const { pollMs = 200, batch = 1_000 } = options
  const copier = new EventCopier({ batch }, modules)
  const consumers = new Set<EventConsumer>()
  const taken = new Set<string>()
  const failures = metrics.counter({
    name: 'iyi_events_delivery_failures_total',
    help: 'Deliveries of an event that failed and are tried again.',
    labels: ['consumer'],
  })
  const stopping = new AbortController()
  let loop: Promise<void> | null = null
  let trouble: string | null = null

  const follow = async () => {
    for (let failed = 0; !stopping.signal.aborted; ) {
      // Those that failed by themselves; none when all of the index is away.
      let chains: readonly string[] = []
      try {
        const { copied, failures } = await copier.pass(stopping.signal)
        if (copied > 0) for (const consumer of consumers) consumer.notify()
        const [first] = failures
        if (first !== undefined) {
          chains = failures.map(({ chain }) => chain)
          throw first.error
        }
        if (failed > 0) log.info({}, 'Follow the index again')
        failed = 0
        trouble = null
      } catch (error) {
        failed++
        const of = chains.length === 0 ? 'events' : `events of ${chains.join(', ')}`
        trouble = `the index or the database does not answer; ${of} wait until it does`
        if (failed === 1) log.warn({ err: error, chains }, 'Fail to follow the index, keep trying')
        else log.debug({ err: error, chains, failed }, 'Fail to follow the index, keep trying')
      }
      await pause(clock, failed === 0 ? pollMs : backoffMs(failed, indexBackoffLimitMs), stopping.signal)
    }
  }

  return {
    subscribe: async ({ consumer, names, from }, handler) => {
      if (stopping.signal.aborted)
        throw new EventLogError('EVENTS_STOPPED', 'The node is stopping.', { data: {} })
      if (consumer === '' || names.length === 0) {
        throw new EventLogError(
          'EVENTS_BAD_OPTIONS',
          'A subscription needs a consumer id and at least one event name.',
          {
            data: { consumer, names },
          },
        )
      }
      if (taken.has(consumer)) {
        throw new EventLogError(
          'EVENTS_CONSUMER_BUSY',
          `The consumer "${consumer}" follows the log already. Close that subscription first, or use another id.`,
          { data: { consumer } },
        )
      }
      taken.add(consumer)
      try {
        const cursor = await openCursor(database, consumer, from)
        const active = new EventConsumer(
          { consumer, names, cursor, handler },
          { database, clock, log, failures },
        )
        consumers.add(active)
        if (loop !== null && !stopping.signal.aborted) active.start()
        return {
          close: async () => {
            await active.close()
            if (consumers.delete(active)) taken.delete(consumer)
          },
        }
      } catch (error) {
        taken.delete(consumer)
        throw unavailable(error)
      }
    },
    read: async ({ after, names, limit }) => {
      if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
        throw new EventLogError('EVENTS_BAD_OPTIONS', 'A limit is an integer from 1 to 1,000.', {
          data: { limit },
        })
      }
      try {
        return await readEvents(database, { after, limit, ...(names === undefined ? {} : { names }) })
      } catch (error) {
        throw unavailable(error)
      }
    },
    start: async () => {
      if (loop !== null || stopping.signal.aborted) return
      loop = follow()
      for (const consumer of consumers) consumer.start()
    },
    stop: async () => {
      stopping.abort()
      await Promise.all([loop, ...[...consumers].map((consumer) => consumer.close())])
    },
    health: () => {
      if (trouble !== null) return { status: 'degraded', reason: trouble }
      const stuck = [...consumers].map((consumer) => consumer.trouble()).filter((text) => text !== null)
      return stuck.length > 0 ? { status: 'degraded', reason: stuck.join('; ') } : copier.health()
    },
  }
}

/** The consumer's stored cursor; stored now if it has none. */
async function openCursor(database: Database, consumer: string, from: 'start' | 'now'): Promise<bigint> {
  const [, rows] = await database.batch([
    {
      sql: `insert into event_consumer (consumer, seq)
            select $1, case when $2 then coalesce((select max(seq) from event), 0) else 0 end
            on conflict (consumer) do nothing`,
      params: [consumer, from === 'now'],
    },
    { sql: 'select seq from event_consumer where consumer = $1', params: [consumer] },
  ])
  return BigInt(String(rows?.[0]?.seq ?? 0))
}

function unavailable(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error
  return new EventLogError('EVENTS_UNAVAILABLE', error.message, {
    data: error.data,
    retry: error.retry,
    cause: error,
  })
}
