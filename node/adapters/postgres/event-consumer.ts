import type { Clock } from '../../ports/clock.ts'
import type { ChainEvent } from '../../ports/events.ts'
import type { Logger } from '../../ports/log.ts'
import type { Counter } from '../../ports/metrics.ts'
import type { Database } from './database.ts'
import {
  buryEvent,
  type DeadLetter,
  errorText,
  failAgain,
  firstLost,
  letGo,
  readRetries,
} from './event-dead-letters.ts'
import { eventOf, pendingSql, readChainSql } from './event-rows.ts'
import { backoffMs, pause, Wake } from './wake.ts'

const page = 200
const handlerBackoffLimitMs = 30_000
const databaseBackoffLimitMs = 2_000
/** A cursor that moves over what the consumer does not want is written only after so many notices, or so long. */
const lazyNotices = 5_000n
const lazyMs = 30_000

export interface ConsumerOptions {
  readonly consumer: string
  readonly chainId: number
  readonly names: readonly string[]
  /** Number of its stage. */
  readonly level: number
  /** So often an event is tried. */
  readonly attempts: number
  readonly handler: (event: ChainEvent) => Promise<void>
}

export interface ConsumerModules {
  readonly database: Database
  readonly clock: Clock
  readonly log: Logger
  readonly failures: Counter
  /** Nothing of a halted chain is delivered. */
  readonly halted: (chainId: number) => boolean
}

interface Cursor {
  readonly seq: bigint
  /** Changes when somebody else sets the cursor. */
  readonly epoch: bigint
  readonly fromBlock: string
  readonly retries: boolean
}

/** Delivers the notices of one chain to one consumer, in order, from its stored cursor. */
export class EventConsumer {
  readonly #options: ConsumerOptions
  readonly #modules: ConsumerModules
  readonly #wake = new Wake()
  readonly #closing = new AbortController()
  /** How far the notices were looked through; the stored cursor may be behind. */
  #scanned = { seq: 0n, epoch: -1n }
  #savedAtMs = 0
  #loop: Promise<void> | null = null
  #trouble: string | null = null

  constructor(options: ConsumerOptions, modules: ConsumerModules) {
    this.#options = options
    this.#modules = modules
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** Something may have changed in the database. */
  notify(): void {
    this.#wake.raise()
  }

  /** Why delivery stands still; null while it goes on. */
  trouble(): string | null {
    return this.#trouble
  }

  get chainId(): number {
    return this.#options.chainId
  }

  /** Up to which block all was handled, where the log has everything up to `block`; null while notices wait, or at none. */
  async handledUpTo(block: bigint): Promise<bigint | null> {
    const { database } = this.#modules
    const { consumer, chainId, names, level } = this.#options
    const [row] = await database.query(pendingSql, [chainId, consumer, names, level])
    if (row?.pending !== false) return null
    // After the notices: an event is given up on before its cursor moves.
    const lost = await firstLost(database, { consumer, chainId, names })
    if (lost === null || lost > block) return block
    return lost > 0n ? lost - 1n : null
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#wake.raise()
    await this.#loop
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted
  }

  async #run(): Promise<void> {
    const { consumer, chainId } = this.#options
    while (!this.#closed) {
      if (this.#modules.halted(chainId)) {
        await this.#wake.sleep()
        continue
      }
      const cursor = await this.#insist('Fail to read a cursor', {}, () => this.#readCursor())
      if (cursor === null) return
      if (cursor.retries) {
        const letters = await this.#insist('Fail to read dead letters', {}, () =>
          readRetries(this.#modules.database, { consumer, chainId, level: this.#options.level }),
        )
        for (const letter of letters ?? []) if (!this.#closed) await this.#retry(letter)
      }
      const events = await this.#insist('Fail to read events', {}, () => this.#read(cursor))
      if (events === null) return
      for (const event of events) {
        if (this.#closed || this.#modules.halted(chainId)) break
        if (!(await this.#deliver(event, cursor.epoch))) break
      }
    }
  }

  async #readCursor(): Promise<Cursor | null> {
    const { consumer, chainId } = this.#options
    const [row] = await this.#modules.database.query(
      `select seq, epoch, from_block,
              exists (select from event_dead_letter where consumer = $1 and chain_id = $2 and retry) as retries
         from event_consumer where consumer = $1 and chain_id = $2`,
      [consumer, chainId],
    )
    if (row === undefined) throw new TypeError('the consumer has no cursor any more')
    return {
      seq: BigInt(String(row.seq)),
      epoch: BigInt(String(row.epoch)),
      fromBlock: String(row.from_block),
      retries: row.retries === true,
    }
  }

  /** The next events; sleeps when there are no notices left to look through. */
  async #read({ seq, epoch, fromBlock }: Cursor): Promise<readonly ChainEvent[]> {
    const { chainId, names, level } = this.#options
    const scanned = this.#scanned
    const after = scanned.epoch === epoch && scanned.seq > seq ? scanned.seq : seq
    const rows = await this.#modules.database.query(readChainSql, [
      chainId,
      after.toString(),
      names,
      level,
      fromBlock,
      page,
    ])
    const events = rows.filter(({ id }) => id !== null).map((row) => eventOf(row, level))
    if (events.length > 0) return events
    const end = rows[0]?.scanned_to
    if (end === null || end === undefined) {
      await this.#wake.sleep()
      return []
    }
    const scannedTo = BigInt(String(end))
    this.#scanned = { seq: scannedTo, epoch }
    if (scannedTo - seq >= lazyNotices || this.#modules.clock.monotonic() - this.#savedAtMs >= lazyMs)
      await this.#save(scannedTo, epoch)
    return []
  }

  /** False when the cursor was set elsewhere, or on close before the handler resolved. */
  async #deliver(event: ChainEvent, epoch: bigint): Promise<boolean> {
    const { database, log } = this.#modules
    const { consumer, attempts } = this.#options
    const at = { event: event.name, key: event.key, seq: event.seq.toString(), chainId: event.chainId }
    const failure = await this.#try(event, at)
    if (failure === 'closed') return false
    if (failure !== null) {
      log.error(
        { ...at, consumer, attempts, err: failure.error },
        'Give up on an event, make it a dead letter',
      )
      const buried = await this.#insist('Fail to save a dead letter', at, () =>
        buryEvent(database, { consumer, event, error: errorText(failure.error), attempts }),
      )
      if (buried === null) return false
    }
    // Handled: the cursor moves even when the consumer is closing meanwhile.
    return (await this.#insist('Fail to save a cursor', at, () => this.#save(event.seq, epoch))) ?? false
  }

  /** Null once the handler resolved. */
  async #try(event: ChainEvent, at: object): Promise<{ error: unknown } | 'closed' | null> {
    const { consumer, attempts, handler } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        await handler(event)
        this.#trouble = null
        return null
      } catch (error) {
        this.#modules.failures.inc({ consumer })
        if (attempt === attempts) {
          this.#trouble = null
          return { error }
        }
        this.#failed('Fail to handle an event', at, attempt, error)
        await pause(this.#modules.clock, backoffMs(attempt, handlerBackoffLimitMs), this.#closing.signal)
        if (this.#closed) return 'closed'
      }
    }
  }

  /** Once: who asked for it looks at what comes of it. */
  async #retry({ id, event, dropped }: DeadLetter): Promise<void> {
    const { database, log } = this.#modules
    const { consumer, handler } = this.#options
    const at = {
      event: event.name,
      key: event.key,
      seq: event.seq.toString(),
      chainId: event.chainId,
      consumer,
    }
    let failure: { error: unknown } | null = null
    if (dropped) log.info(at, 'Let a dead letter go: its event was reverted meanwhile')
    else {
      try {
        await handler(event)
        log.info(at, 'Deliver a dead letter')
      } catch (error) {
        failure = { error }
        this.#modules.failures.inc({ consumer })
        log.warn({ ...at, err: error }, 'Fail to handle a dead letter again')
      }
    }
    await this.#insist('Fail to save a dead letter', at, () =>
      failure === null ? letGo(database, id) : failAgain(database, id, errorText(failure.error)),
    )
  }

  /** True unless the cursor was set elsewhere. */
  async #save(seq: bigint, epoch: bigint): Promise<boolean> {
    const { consumer, chainId } = this.#options
    const rows = await this.#modules.database.query(
      `update event_consumer set seq = $3, updated_at = now()
         where consumer = $1 and chain_id = $2 and epoch = $4 returning seq`,
      [consumer, chainId, seq.toString(), epoch.toString()],
    )
    this.#savedAtMs = this.#modules.clock.monotonic()
    return rows.length > 0
  }

  /** Repeats work on the database with backoff until it resolves; null when closed meanwhile. */
  async #insist<T>(message: string, at: object, work: () => Promise<T>): Promise<T | null> {
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await work()
        this.#trouble = null
        return result
      } catch (error) {
        this.#failed(message, at, attempt, error)
        // The whole pause, however much news comes in; only closing cuts it short.
        await pause(this.#modules.clock, backoffMs(attempt, databaseBackoffLimitMs), this.#closing.signal)
        if (this.#closed) return null
      }
    }
  }

  #failed(message: string, at: object, attempt: number, error: unknown): void {
    const { consumer } = this.#options
    this.#modules.log.warn({ ...at, consumer, attempt, err: error }, message)
    // One failure is everyday; a row of them stops the consumer and needs eyes.
    if (attempt < 3) return
    const where = 'event' in at && 'seq' in at ? ` (${at.event} no. ${at.seq})` : ''
    this.#trouble = `consumer "${consumer}" stands still after ${attempt} tries: ${message.toLowerCase()}${where}; see its log`
  }
}
