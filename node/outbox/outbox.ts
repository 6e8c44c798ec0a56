import type { Clock } from '../ports/clock.ts'
import type { Health } from '../ports/health.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { OutboxMemory, OutboxSink, OutboxSource } from '../ports/outbox.ts'
import { outboxInstruments } from './instruments.ts'
import { pauseUntil } from './pause.ts'
import { Relay } from './relay.ts'

/** A broker gets so long to acknowledge what is on its way when the node stops. */
const DRAIN_MS = 2_000

export interface OutboxTarget {
  readonly name: string
  readonly from: 'start' | 'now'
  readonly sink: OutboxSink
  readonly sources: readonly OutboxSource[]
}

export interface OutboxOptions {
  /** So often a message is tried that the broker refuses; 6 when absent, which takes about three seconds. */
  readonly attempts?: number
  /** How often a source is asked for news; 250 when absent. */
  readonly pollMs?: number
}

export interface Outbox {
  start(): void
  /** Waits a little for what is on its way, then cuts it off: it is published again after the next start. */
  stop(): Promise<void>
  /** `degraded` names each target that waits, or that has dead letters. */
  health(): Health
}

/** The relays of all targets: one a target and source, each with a cursor of its own. */
export function outbox(
  options: OutboxOptions,
  modules: {
    readonly targets: readonly OutboxTarget[]
    readonly memory: (target: string, source: string) => OutboxMemory
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
  },
): Outbox {
  const { attempts = 6, pollMs = 250 } = options
  const { targets, memory, clock, log } = modules
  const instruments = outboxInstruments(modules.metrics)
  const byTarget = targets.map(({ name, from, sink, sources }) => ({
    name,
    relays: sources.map(
      (source) =>
        new Relay(
          { target: name, from, attempts, pollMs },
          { source, sink, memory: memory(name, source.name), clock, log, instruments },
        ),
    ),
  }))
  const relays = byTarget.flatMap((target) => target.relays)
  return {
    start: () => {
      for (const relay of relays) relay.start()
    },
    stop: async () => {
      const closed = Promise.all(relays.map((relay) => relay.close()))
      const late = new AbortController()
      await Promise.race([closed, pauseUntil(clock, DRAIN_MS, late.signal)])
      late.abort()
      await Promise.all(targets.map(({ sink }) => sink.close()))
      await closed
    },
    health: () => {
      const troubles = relays.map((relay) => relay.trouble()).filter((text) => text !== null)
      if (troubles.length > 0) return { status: 'degraded', reason: troubles.join('; ') }
      const states = byTarget.map((target) =>
        target.relays.some(({ served }) => served)
          ? `target "${target.name}" is served`
          : `nothing was sent to target "${target.name}" yet`,
      )
      return { status: 'ok', detail: states.join('; ') }
    },
  }
}
