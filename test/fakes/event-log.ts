import { EventLogError } from '../../node/adapters/postgres/errors.ts'
import type { ChainEvent, EventLog } from '../../node/ports/events.ts'

export interface MemoryEventLog extends EventLog {
  /** Adds confirmed events; numbers are given in this order. */
  emit(...events: readonly Omit<ChainEvent, 'seq'>[]): void
}

interface Consumer {
  wake(): void
}

/** `EventLog` in memory. A handler that rejects is called again in the next turn of the event loop. */
export function memoryEventLog(): MemoryEventLog {
  const events: ChainEvent[] = []
  const cursors = new Map<string, bigint>()
  const active = new Map<string, Consumer>()

  return {
    emit: (...added) => {
      for (const event of added) events.push({ ...event, seq: BigInt(events.length + 1) })
      for (const consumer of active.values()) consumer.wake()
    },
    subscribe: async ({ consumer, names, from }, handler) => {
      if (consumer === '' || names.length === 0)
        throw new EventLogError('EVENTS_BAD_OPTIONS', 'bad', { data: {} })
      if (active.has(consumer))
        throw new EventLogError('EVENTS_CONSUMER_BUSY', 'busy', { data: { consumer } })
      if (!cursors.has(consumer)) cursors.set(consumer, from === 'start' ? 0n : BigInt(events.length))
      let closed = false
      let wake = () => {}
      const loop = async () => {
        while (!closed) {
          const next = events.find(
            ({ seq, name }) => seq > (cursors.get(consumer) ?? 0n) && names.includes(name),
          )
          if (next === undefined) {
            await new Promise<void>((done) => {
              wake = done
            })
            continue
          }
          try {
            await handler(structuredClone(next))
            cursors.set(consumer, next.seq)
          } catch {
            await new Promise((done) => setImmediate(done))
          }
        }
      }
      active.set(consumer, { wake: () => wake() })
      const running = loop()
      return {
        close: async () => {
          closed = true
          wake()
          await running
          active.delete(consumer)
        },
      }
    },
    read: async ({ after, names, limit }) => {
      if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
        throw new EventLogError('EVENTS_BAD_OPTIONS', 'bad limit', { data: { limit } })
      }
      const found = events.filter(
        ({ seq, name }) => seq > after && (names === undefined || names.includes(name)),
      )
      return structuredClone(found.slice(0, limit))
    },
  }
}
