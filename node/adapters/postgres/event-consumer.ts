import type { Clock } from '../../ports/clock.ts'
import type { ChainEvent } from '../../ports/events.ts'
import type { Logger } from '../../ports/log.ts'
import type { Counter } from '../../ports/metrics.ts'
import type { Database } from './database.ts'
import { readEvents } from './event-rows.ts'
import { backoffMs, pause, Wake } from './wake.ts'

const page = 200
const handlerBackoffLimitMs = 30_000
const databaseBackoffLimitMs = 2_000

/** Delivers the log to one consumer, in order, from its stored cursor. */
export class EventConsumer {
  readonly consumer: string
  readonly #names: readonly string[]
  readonly #handler: (event: ChainEvent) => Promise<void>
  readonly #database: Database
  readonly #log: Logger
  readonly #failures: Counter
  readonly #clock: Clock
  readonly #wake = new Wake()
  readonly #closing = new AbortController()
  #cursor: bigint
  #loop: Promise<void> | null = null
  #trouble: string | null = null

  constructor(
    options: {
      consumer: string
      names: readonly string[]
      cursor: bigint
      handler: (event: ChainEvent) => Promise<void>
    },
    modules: { database: Database; clock: Clock; log: Logger; failures: Counter },
  ) {
    this.consumer = options.consumer
    this.#names = options.names
    this.#cursor = options.cursor
    this.#handler = options.handler
    this.#database = modules.database
    this.#log = modules.log
    this.#failures = modules.failures
    this.#clock = modules.clock
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** New events may be there. */
  notify(): void {
    this.#wake.raise()
  }

  /** Why delivery stands still; null while it goes on. */
  trouble(): string | null {
    return this.#trouble
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#wake.raise()
    await this.#loop
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const events = await this.#insist(databaseBackoffLimitMs, 'Fail to read events', {}, () =>
        readEvents(this.#database, { after: this.#cursor, names: this.#names, limit: page }),
      )
      if (events === null) return
      if (events.length === 0) await this.#wake.sleep()
      for (const event of events) {
        if (this.#closing.signal.aborted || !(await this.#deliver(event))) return
      }
    }
  }

  /** False when closed before the handler resolved. */
  async #deliver(event: ChainEvent): Promise<boolean> {
    const at = { event: event.name, seq: event.seq.toString(), chainId: event.chainId }
    const handled = await this.#insist(handlerBackoffLimitMs, 'Fail to handle an event', at, async () => {
      await this.#handler(event)
      return true
    })
    if (handled === null) return false
    this.#cursor = event.seq
    // The handler has resolved: the cursor moves even when the consumer is closing meanwhile.
    const save = () =>
      this.#database
        .query('update event_consumer set seq = $2, updated_at = now() where consumer = $1 and seq < $2', [
          this.consumer,
          event.seq.toString(),
        ])
        .then(() => true)
    return (await this.#insist(databaseBackoffLimitMs, 'Fail to save a cursor', at, save)) !== null
  }

  /** Repeats `work` with backoff until it resolves; null when closed meanwhile. */
  async #insist<T>(
    limitMs: number,
    message: string,
    fields: object,
    work: () => Promise<T>,
  ): Promise<T | null> {
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await work()
        this.#trouble = null
        return result
      } catch (error) {
        this.#failures.inc({ consumer: this.consumer })
        this.#log.warn({ ...fields, consumer: this.consumer, attempt, err: error }, message)
        // One failure is everyday; a row of them stops the consumer and needs eyes.
        if (attempt >= 3) this.#trouble = this.#describe(message, fields, attempt)
        // The whole pause, however much news comes in; only closing cuts it short.
        await pause(this.#clock, backoffMs(attempt, limitMs), this.#closing.signal)
        if (this.#closing.signal.aborted) return null
      }
    }
  }

  #describe(message: string, fields: object, attempt: number): string {
    const where = 'event' in fields && 'seq' in fields ? ` (${fields.event} no. ${fields.seq})` : ''
    return `consumer "${this.consumer}" stands still after ${attempt} tries: ${message.toLowerCase()}${where}; see its log`
  }
}
