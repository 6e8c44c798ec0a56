import type { Database } from '../adapters/postgres/database.ts'
import { outboxAlerts } from '../adapters/postgres/outbox-alerts.ts'
import { outboxEvents } from '../adapters/postgres/outbox-events.ts'
import { outboxMemory } from '../adapters/postgres/outbox-memory.ts'
import type { NodeConfig } from '../config/schema.ts'
import { type Outbox, outbox } from '../outbox/outbox.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { OutboxSink, OutboxSource } from '../ports/outbox.ts'

type Target = NodeConfig['outbox'][number]

/** The brokers that the node publishes to; null when it has none. Opens nothing before its start. */
export async function nodeOutbox(
  config: Pick<NodeConfig, 'name' | 'outbox'>,
  modules: {
    readonly database: Database
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
  },
): Promise<Outbox | null> {
  if (config.outbox.length === 0) return null
  const { database } = modules
  const targets = config.outbox.map(async (target) => ({
    name: target.name,
    from: target.from,
    sink: await sinkOf(config.name, target, modules),
    sources: outboxSources(target, { database }),
  }))
  return outbox(
    {},
    {
      ...modules,
      targets: await Promise.all(targets),
      memory: (target, source) => outboxMemory({ target, source }, { database }),
    },
  )
}

/** All that a node can publish. */
export function outboxSources(
  wanted: Pick<Target, 'stages' | 'events' | 'alerts'>,
  { database }: { readonly database: Database },
): readonly OutboxSource[] {
  const events = outboxEvents(wanted, { database })
  return wanted.alerts ? [events, outboxAlerts({ database })] : [events]
}

/** A broker's client is loaded by those alone who have that broker: one of them takes a second to load. */
async function sinkOf(
  node: string,
  { name: own, nats, kafka }: Target,
  { log: root }: { readonly log: Logger },
): Promise<OutboxSink> {
  const log = root.child({ target: own })
  const name = `${node} ${own}`
  if (nats !== undefined) {
    const { subject: prefix, ...rest } = nats
    const { natsSink } = await import('../adapters/nats/nats-sink.ts')
    return natsSink({ name, prefix, ...rest }, { log })
  }
  if (kafka !== undefined) {
    const { kafkaSink } = await import('../adapters/kafka/kafka-sink.ts')
    return kafkaSink({ name, ...kafka }, { log })
  }
  throw new TypeError(`outbox target "${own}" passed the schema with neither broker`)
}
