import { IyiError } from '../../node/ports/errors.ts'
import type { OutboxMessage, OutboxSink } from '../../node/ports/outbox.ts'

/** A broker in memory that does what it is told to. */
export class ScriptedSink implements OutboxSink {
  readonly stored: OutboxMessage[] = []
  /** Calls that were open at once. */
  widest = 0
  /** Messages of the largest call. */
  largest = 0
  /** While set, nothing is answered until it resolves. */
  hold: Promise<void> | null = null
  away = false
  refuses: (message: OutboxMessage) => boolean = () => false
  #open = 0
  readonly #closing = Promise.withResolvers<never>()

  constructor() {
    this.#closing.promise.catch(() => {})
  }

  readonly publish = async (messages: readonly OutboxMessage[]): Promise<void> => {
    this.#open++
    this.widest = Math.max(this.widest, this.#open)
    this.largest = Math.max(this.largest, messages.length)
    try {
      await Promise.race([this.hold, this.#closing.promise])
      if (this.away) throw new IyiError('OUTBOX_UNAVAILABLE', 'nobody there', { data: null, retry: true })
      if (messages.some(this.refuses)) throw new IyiError('OUTBOX_REFUSED', 'too large', { data: null })
      this.stored.push(...messages)
    } finally {
      this.#open--
    }
  }

  readonly close = async (): Promise<void> => this.#closing.reject(new TypeError('closed'))

  keys(): readonly string[] {
    return this.stored.map(({ key }) => key)
  }
}
