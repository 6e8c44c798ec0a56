import type { Clock } from '../ports/clock.ts'
import { IyiError } from '../ports/errors.ts'
import type { Logger } from '../ports/log.ts'
import type { OutboxCursor, OutboxMemory, OutboxMessage, OutboxSink, OutboxSource } from '../ports/outbox.ts'
import { chunksOf } from './chunks.ts'
import type { OutboxInstruments } from './instruments.ts'
import { backoffMs, pauseUntil } from './pause.ts'

/** So many numbers of the source are read at once: the most that one relay holds. */
const page = 500
/** What one call to the sink carries: brokers commonly take a megabyte in one piece. */
const callLimits = { maxBytes: 512 * 1_024, maxMessages: 500 }
/** A cursor that moves over what the target does not want is written only after so many numbers, or so long. */
const lazyNumbers = 5_000n
const lazyMs = 5_000

export interface RelayOptions {
  readonly target: string
  /** Where a target begins that was never there. */
  readonly from: 'start' | 'now'
  /** So often a message is tried that the broker refuses. */
  readonly attempts: number
  /** How often the source is asked for news. */
  readonly pollMs: number
}

export interface RelayModules {
  readonly source: OutboxSource
  readonly sink: OutboxSink
  readonly memory: OutboxMemory
  readonly clock: Clock
  readonly log: Logger
  readonly instruments: OutboxInstruments
}

type Delivery = 'acknowledged' | 'closed' | { readonly refused: unknown }

/**
 * Publishes one source to one target, in order and at least once: the cursor moves after the broker acknowledged. One call
 * to the sink is open at a time, so a broker that is slow or away costs no more memory than one page; it is tried again
 * for ever. A message that the broker refuses is tried `attempts` times, put aside as a dead letter, and the next one
 * comes.
 */
export class Relay {
  readonly #options: RelayOptions
  readonly #modules: RelayModules
  readonly #closing = new AbortController()
  readonly #labels: { readonly target: string; readonly source: string }
  #loop: Promise<void> | null = null
  #trouble: string | null = null
  /** What the database says of it; at first that of an earlier run. */
  #told: string | null = ''
  #deadLetters = 0
  /** The broker took something since the start. */
  #served = false
  /** How far the source was looked through; the stored cursor may be behind. */
  #scanned = { seq: 0n, epoch: -1n }
  #savedAtMs: number
  #completeAtMs: number

  constructor(options: RelayOptions, modules: RelayModules) {
    this.#options = options
    this.#modules = modules
    this.#labels = { target: options.target, source: modules.source.name }
    this.#savedAtMs = modules.clock.monotonic()
    this.#completeAtMs = this.#savedAtMs
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** Whether the broker took something since the start: one that nothing was sent to may not be there at all. */
  get served(): boolean {
    return this.#served
  }

  /** Why the target lacks something; null when it does not. */
  trouble(): string | null {
    const { target, source } = this.#labels
    if (this.#trouble !== null) return `target "${target}" waits with ${source}: ${this.#trouble}`
    if (this.#deadLetters === 0) return null
    return `target "${target}" refused ${this.#deadLetters} messages of ${source}: see "iyi outbox dead-letters", then "iyi outbox retry ${target} --all"`
  }

  /** From now on nothing new is begun. Resolves once nothing is in progress: the sink must give up what it waits for. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#loop
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted
  }

  async #run(): Promise<void> {
    const { source, memory } = this.#modules
    const { from } = this.#options
    await this.#insist(async () => memory.open(from === 'start' ? 0n : await source.head()))
    // Those of an earlier run: it may be long until the relay has caught up.
    await this.#countLetters()
    while (!this.#closed) {
      const cursor = await this.#insist(() => memory.cursor())
      if (cursor === null) return
      if (cursor.retries) await this.#retryLetters()
      if (!this.#closed && !(await this.#step(cursor))) await this.#rest(cursor)
    }
  }

  /** Publishes a page. False when there was nothing to look through. */
  async #step({ seq, epoch }: OutboxCursor): Promise<boolean> {
    const { source } = this.#modules
    const scanned = this.#scanned
    const after = scanned.epoch === epoch && scanned.seq > seq ? scanned.seq : seq
    const found = await this.#insist(() => source.read({ after, limit: page }))
    if (found === null || found.upTo === after) return false
    for (const chunk of chunksOf(found.messages, callLimits)) {
      if (!(await this.#publish(chunk))) return true
      // Acknowledged: the cursor moves even when the relay is closing meanwhile.
      const last = chunk.at(-1)?.seq ?? after
      if ((await this.#insist(() => this.#save(last, epoch), 'also when closed')) !== true) return true
    }
    const { upTo, messages } = found
    this.#scanned = { seq: upTo, epoch }
    await this.#saveScanned({ seq: messages.at(-1)?.seq ?? seq, epoch })
    await this.#measure(upTo)
    return true
  }

  /** What was looked through in vain moves the cursor too, now and then. */
  async #saveScanned({ seq, epoch }: { readonly seq: bigint; readonly epoch: bigint }): Promise<void> {
    const { clock } = this.#modules
    const scanned = this.#scanned
    if (scanned.epoch !== epoch || scanned.seq <= seq) return
    if (scanned.seq - seq >= lazyNumbers || clock.monotonic() - this.#savedAtMs >= lazyMs)
      await this.#insist(() => this.#save(scanned.seq, epoch))
  }

  /** Nothing to do: the target has all. */
  async #rest(cursor: OutboxCursor): Promise<void> {
    const { clock, instruments } = this.#modules
    if (this.#closed) return
    this.#completeAtMs = clock.monotonic()
    instruments.lagMessages.set(0, this.#labels)
    instruments.lagSeconds.set(0, this.#labels)
    await this.#recover()
    await this.#saveScanned(cursor)
    await this.#countLetters()
    await pauseUntil(clock, this.#options.pollMs, this.#closing.signal)
  }

  async #countLetters(): Promise<void> {
    const { memory, instruments } = this.#modules
    this.#deadLetters = (await this.#insist(() => memory.deadLetters())) ?? this.#deadLetters
    instruments.letters.set(this.#deadLetters, this.#labels)
  }

  /** False when closed before all of it was acknowledged or put aside. */
  async #publish(chunk: readonly OutboxMessage[]): Promise<boolean> {
    const all = await this.#deliver(chunk)
    if (all === 'acknowledged') return true
    if (all === 'closed') return false
    // One of them is refused: each by itself. What was stored already comes again with its key.
    for (const message of chunk) if (!(await this.#publishOrBury(message))) return false
    return true
  }

  async #publishOrBury(message: OutboxMessage): Promise<boolean> {
    const { log, memory } = this.#modules
    const { attempts } = this.#options
    for (let attempt = 1; ; attempt++) {
      const result = await this.#deliver([message])
      if (result === 'acknowledged') return true
      if (result === 'closed') return false
      if (attempt < attempts) {
        await this.#failed(attempt, result.refused)
        continue
      }
      const at = { ...this.#labels, key: message.key, seq: message.seq.toString(), attempts }
      log.error({ ...at, err: result.refused }, 'Give up on a message, make it a dead letter')
      const buried = await this.#insist(async () => {
        await memory.bury(message, textOf(result.refused), attempts)
        return true
      })
      if (buried === null) return false
      this.#deadLetters++
      await this.#recover()
      return true
    }
  }

  /** Once each: who asked for it looks at what comes of it. */
  async #retryLetters(): Promise<void> {
    const { source, memory, log } = this.#modules
    const letters = (await this.#insist(() => memory.retries())) ?? []
    for (const { id, seq, key } of letters) {
      const found = await this.#insist(async () => ({ message: await source.find({ seq, key }) }))
      if (found === null) return
      const result = found.message === null ? 'gone' : await this.#deliver([found.message])
      if (result === 'closed') return
      const at = { ...this.#labels, key, seq: seq.toString() }
      if (typeof result === 'string') {
        log.info(
          at,
          result === 'gone' ? 'Let a dead letter go: its source has it no more' : 'Publish a dead letter',
        )
        await this.#insist(() => memory.letGo(id), 'also when closed')
      } else {
        log.warn({ ...at, err: result.refused }, 'Fail to publish a dead letter again')
        await this.#insist(() => memory.failAgain(id, textOf(result.refused)))
      }
    }
  }

  /** Tries until the broker has them, or refuses one. */
  async #deliver(messages: readonly OutboxMessage[]): Promise<Delivery> {
    const { sink, instruments } = this.#modules
    for (let attempt = 1; ; attempt++) {
      if (this.#closed) return 'closed'
      try {
        await sink.publish(messages)
        this.#served = true
        instruments.published.inc(this.#labels, messages.length)
        await this.#recover()
        return 'acknowledged'
      } catch (error) {
        if (this.#closed) return 'closed'
        const code = error instanceof IyiError ? error.code : 'UNEXPECTED'
        instruments.failures.inc({ ...this.#labels, code })
        if (code === 'OUTBOX_REFUSED') return { refused: error }
        await this.#failed(attempt, error)
      }
    }
  }

  async #save(seq: bigint, epoch: bigint): Promise<boolean> {
    const { memory, clock } = this.#modules
    this.#savedAtMs = clock.monotonic()
    return memory.save(seq, epoch)
  }

  async #recover(): Promise<void> {
    if (this.#trouble !== null) this.#modules.log.info(this.#labels, 'Publish to a target again')
    this.#trouble = null
    await this.#tell()
  }

  /** Tells of a failure and waits; what it says stays until something succeeds. */
  async #failed(attempt: number, error: unknown): Promise<void> {
    const { clock, log } = this.#modules
    const fields = { ...this.#labels, attempt, err: error }
    if (attempt === 1) log.warn(fields, 'Fail to publish, keep trying')
    else log.debug(fields, 'Fail to publish, keep trying')
    this.#trouble = textOf(error)
    await this.#tell()
    await this.#measure(null)
    await pauseUntil(clock, backoffMs(attempt), this.#closing.signal)
  }

  /** For who asks the database. Where that is away the node says so elsewhere. */
  async #tell(): Promise<void> {
    const trouble = this.#trouble
    if (this.#told === trouble) return
    try {
      await this.#modules.memory.tell(trouble)
      this.#told = trouble
    } catch {
      // Told at the next change.
    }
  }

  async #measure(upTo: bigint | null): Promise<void> {
    const { clock, instruments, memory, source } = this.#modules
    instruments.lagSeconds.set((clock.monotonic() - this.#completeAtMs) / 1_000, this.#labels)
    try {
      const from = upTo ?? (await memory.cursor()).seq
      instruments.lagMessages.set(Number((await source.head()) - from), this.#labels)
    } catch {
      // The database is away: the lag stays what it was.
    }
  }

  /** Repeats work on the database until it resolves; null when closed meanwhile. */
  async #insist<T>(work: () => Promise<T>, patience: 'also when closed' | '' = ''): Promise<T | null> {
    for (let attempt = 1; ; attempt++) {
      if (this.#closed && (patience === '' || attempt > 1)) return null
      try {
        const result = await work()
        if (attempt > 1) await this.#recover()
        return result
      } catch (error) {
        await this.#failed(attempt, error)
      }
    }
  }
}

/** What an operator is told of an error, in bounded length; PostgreSQL has no NUL in texts. */
function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll('\0', '').slice(0, 1_000)
}
