import type { ChainReader } from '../../ports/chain.ts'
import type { ChainHalts } from '../../ports/chain-trust.ts'
import type { Clock } from '../../ports/clock.ts'
import { type ChainEvent, type EventLog, stages } from '../../ports/events.ts'
import type { Health } from '../../ports/health.ts'
import type { IndexReader } from '../../ports/index-reader.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Database } from './database.ts'
import { DatabaseError, EventLogError } from './errors.ts'
import { EventConsumer } from './event-consumer.ts'
import { openCursors } from './event-cursor.ts'
import { countDeadLetters } from './event-dead-letters.ts'
import { EventFollower, type ReachedTimes } from './event-follower.ts'
import { eventOf, levelOf, readAllSql } from './event-rows.ts'
import { backoffMs, pause } from './wake.ts'

export interface EventLogOptions {
  /** How often the index is asked for news; 200 when absent. */
  readonly pollMs?: number
  /** About how many events are copied in one transaction; 1,000 when absent, at most 10,000. */
  readonly batch?: number
  /** So often an event is tried before it becomes a dead letter; 12 when absent, which takes about two minutes. */
  readonly attempts?: number
  /** How often the requests of the command line are looked for; 1,000 when absent. */
  readonly requestPollMs?: number
}

export interface EventLogModules {
  readonly database: Database
  readonly index: IndexReader
  /** Gives each chain's confirmations and its own word on what is final. */
  readonly chains: Pick<ChainReader, 'chains' | 'block' | 'finalized'>
  /** Told of a chain that dropped what counted as final. */
  readonly halts: ChainHalts
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}

/** The event log and its engine. Subscribing works before and after `start`; delivery runs from `start` to `stop`. */
export interface DurableEventLog extends EventLog {
  /** Resolves once what the database says of halted chains is known. */
  start(): Promise<void>
  /** Resolves once the copies in progress and all handlers in flight have ended. */
  stop(): Promise<void>
  health(): Health
  /** The index can't follow this chain any more: its events stand still until it was recovered. */
  halt(chainId: number, reason: string): void
  /** Up to when the log of a chain is complete and final; null while that is not known. */
  times(chainId: number): ReachedTimes | null
}

const indexBackoffLimitMs = 2_000

/**
 * The node's durable event log in PostgreSQL. It follows the indexed `event` table of every chain and keeps its own copy
 * of each log, with a list of notices: seen, confirmed, final, reverted. Consumers read those, at least once and in
 * order. While the index is away the log waits, `degraded`, and goes on by itself; a chain that dropped a final block
 * stands still until the operator recovers it.
 *
 * Rejects with EventLogError `EVENTS_CONSUMER_BUSY`, `EVENTS_BAD_OPTIONS`, `EVENTS_STOPPED`, `EVENTS_UNAVAILABLE` (retry).
 */
export function eventLog(options: EventLogOptions, modules: EventLogModules): DurableEventLog {
  const { database, clock, log, chains, metrics } = modules
  const { pollMs = 200, batch = 1_000, attempts = 12, requestPollMs = 1_000 } = options
  const { failures, letters, copied, reverted } = instruments(metrics)
  const followers = chains
    .chains()
    .map((chain) => new EventFollower({ chain, batch }, { ...modules, copied, reverted }))
  const halted = (chainId: number) =>
    followers.some((follower) => follower.chain.id === chainId && follower.halted())
  /** By consumer, one for each chain. */
  const consumers = new Map<string, readonly EventConsumer[]>()
  const stopping = new AbortController()
  let loops: Promise<unknown> | null = null
  let dead: ReadonlyMap<string, number> = new Map()
  const troubles = new Map<EventFollower, string>()

  const notify = () => {
    for (const consumer of [...consumers.values()].flat()) consumer.notify()
  }

  /** Each chain by itself: one that does not answer holds up no other. */
  const follow = async (follower: EventFollower) => {
    const { name } = follower.chain
    for (let failed = 0; !stopping.signal.aborted; ) {
      try {
        if (await follower.pass(stopping.signal)) notify()
        if (failed > 0) log.info({ chain: name }, 'Follow the index again')
        failed = 0
        troubles.delete(follower)
      } catch (error) {
        failed++
        troubles.set(
          follower,
          `the index, the chain or the database does not answer; events of ${name} wait until it does`,
        )
        if (failed === 1) log.warn({ err: error, chain: name }, 'Fail to follow the index, keep trying')
        else log.debug({ err: error, chain: name, failed }, 'Fail to follow the index, keep trying')
      }
      await pause(clock, failed === 0 ? pollMs : backoffMs(failed, indexBackoffLimitMs), stopping.signal)
    }
  }

  /** The command line writes into the same database: a cursor set back, a dead letter to deliver again. */
  const watchRequests = async () => {
    while (!stopping.signal.aborted) {
      try {
        const before = dead
        dead = await countDeadLetters(database)
        for (const consumer of new Set([...before.keys(), ...dead.keys()]))
          letters.set(dead.get(consumer) ?? 0, { consumer })
      } catch (error) {
        log.debug({ err: error }, 'Count the dead letters later')
      }
      notify()
      await pause(clock, requestPollMs, stopping.signal)
    }
  }

  return {
    subscribe: async ({ consumer, names, from, stage }, handler) => {
      if (stopping.signal.aborted)
        throw new EventLogError('EVENTS_STOPPED', 'The node is stopping.', { data: {} })
      if (consumer === '' || names.length === 0 || !stages.includes(stage)) {
        throw new EventLogError(
          'EVENTS_BAD_OPTIONS',
          `A subscription needs a consumer id, at least one event name, and a stage: ${stages.join(', ')}.`,
          { data: { consumer, names, stage } },
        )
      }
      if (consumers.has(consumer)) {
        throw new EventLogError(
          'EVENTS_CONSUMER_BUSY',
          `The consumer "${consumer}" follows the log already. Close that subscription first, or use another id.`,
          { data: { consumer } },
        )
      }
      consumers.set(consumer, [])
      try {
        await openCursors(database, chains.chains(), { consumer, from, stage })
        const active = chains.chains().map(
          ({ id }) =>
            new EventConsumer(
              {
                consumer,
                chainId: id,
                names,
                level: levelOf(stage),
                attempts,
                // The names were asked for: no other comes.
                handler: handler as (event: ChainEvent) => Promise<void>,
              },
              { database, clock, log, failures, halted },
            ),
        )
        consumers.set(consumer, active)
        if (loops !== null && !stopping.signal.aborted) for (const part of active) part.start()
        return {
          reached: async (chainId) => {
            const follower = followers.find(({ chain }) => chain.id === chainId)
            const part = active.find((each) => each.chainId === chainId)
            // Read before the notices are: what comes in between is above it.
            const block = follower?.reached(levelOf(stage)) ?? null
            if (block === null || part === undefined) return null
            return await part.handledUpTo(block).catch((error: unknown) => {
              throw unavailable(error)
            })
          },
          close: async () => {
            await Promise.all(active.map((part) => part.close()))
            if (consumers.get(consumer) === active) consumers.delete(consumer)
          },
        }
      } catch (error) {
        consumers.delete(consumer)
        throw unavailable(error)
      }
    },
    read: async ({ after, names, stage = 'confirmed', limit }) => {
      if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
        throw new EventLogError('EVENTS_BAD_OPTIONS', 'A limit is an integer from 1 to 1,000.', {
          data: { limit },
        })
      }
      const level = levelOf(stage)
      try {
        const rows = await database.query(readAllSql, [after.toString(), names ?? null, level, limit])
        return rows.map((row) => eventOf(row, level))
      } catch (error) {
        throw unavailable(error)
      }
    },
    start: async () => {
      if (loops !== null || stopping.signal.aborted) return
      const all = Promise.allSettled(followers.map((follower) => follower.load()))
      // Nothing of a chain that stands still is delivered, not even at first.
      loops = all.then(() => Promise.all([...followers.map(follow), watchRequests()]))
      await all
      for (const consumer of [...consumers.values()].flat()) consumer.start()
    },
    stop: async () => {
      stopping.abort()
      await Promise.all([loops, ...[...consumers.values()].flat().map((consumer) => consumer.close())])
    },
    health: () => {
      const reasons = [
        ...followers.map((follower) => troubles.get(follower) ?? follower.trouble()),
        ...[...consumers.values()].flat().map((consumer) => consumer.trouble()),
        ...[...dead].map(
          ([consumer, count]) =>
            `consumer "${consumer}" gave up on ${count} events, and what needs all of them ends before the first: see "iyi events dead-letters", then "iyi events retry ${consumer} --all"`,
        ),
      ].filter((text) => text !== null)
      return reasons.length === 0 ? { status: 'ok' } : { status: 'degraded', reason: reasons.join('; ') }
    },
    times: (chainId) => followers.find(({ chain }) => chain.id === chainId)?.times() ?? null,
    halt: (chainId, reason) => followers.find(({ chain }) => chain.id === chainId)?.halt(reason),
  }
}

const instruments = (metrics: Metrics) => ({
  failures: metrics.counter({
    name: 'iyi_events_delivery_failures_total',
    help: 'Tries to deliver an event that failed.',
    labels: ['consumer'],
  }),
  letters: metrics.gauge({
    name: 'iyi_events_dead_letters',
    help: 'Events that a consumer failed to handle and that were put aside.',
    labels: ['consumer'],
  }),
  copied: metrics.counter({
    name: 'iyi_events_copied_total',
    help: 'Events copied from the index into the durable log.',
    labels: ['chain'],
  }),
  reverted: metrics.counter({
    name: 'iyi_events_reverted_total',
    help: 'Events of the durable log that a reorganisation dropped from the chain.',
    labels: ['chain'],
  }),
})

function unavailable(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error
  return new EventLogError('EVENTS_UNAVAILABLE', error.message, {
    data: error.data,
    retry: error.retry,
    cause: error,
  })
}
