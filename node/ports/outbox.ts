import type { Json } from './json.ts'

/** One thing to be told outside of the node. */
export interface OutboxMessage {
  /** Place in its source; several messages may share one. */
  readonly seq: bigint
  /** Idempotency key: the same each time that this is published, of nothing else. At most 200 printable characters. */
  readonly key: string
  /** Messages of one lane reach their readers in the order of the source; lanes do not wait for each other. */
  readonly lane: string
  /** What it is about, coarse to fine: letters, digits, `_`, `-`. */
  readonly subject: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly body: Json
}

/** Something with rising numbers that can be told, such as the notices of events. */
export interface OutboxSource {
  /** Part of the cursor's name: never changes. */
  readonly name: string
  /** The newest number; 0 when there is none. */
  head(): Promise<bigint>
  /**
   * What has numbers above `after`, in order, of about `limit` numbers; never a part of one number. `upTo` is how far was
   * looked, also where nothing was wanted; `after` when there is nothing left.
   */
  read(range: {
    readonly after: bigint
    readonly limit: number
  }): Promise<{ readonly messages: readonly OutboxMessage[]; readonly upTo: bigint }>
  /** One message again, also where the target wants no such messages any more; null when the source has it no more. */
  find(place: { readonly seq: bigint; readonly key: string }): Promise<OutboxMessage | null>
}

/** A broker. */
export interface OutboxSink {
  /**
   * Resolves once the broker has acknowledged all of them; messages of one lane are stored in their order. Rejects with
   * an `IyiError`: `OUTBOX_REFUSED` when the broker will never take one of them, else one whose text says what is wrong.
   * After a rejection any part of them may have been stored.
   */
  publish(messages: readonly OutboxMessage[]): Promise<void>
  /** Ends what is in progress, which then rejects. */
  close(): Promise<void>
}

export interface OutboxCursor {
  /** All up to here is published. */
  readonly seq: bigint
  /** Changes when somebody else sets the cursor. */
  readonly epoch: bigint
  /** There are dead letters to be published again. */
  readonly retries: boolean
}

export interface OutboxRetry {
  readonly id: bigint
  readonly seq: bigint
  readonly key: string
}

/** What the relay of one target and source remembers. */
export interface OutboxMemory {
  /** Where it is; `seq` where it has never been. */
  open(seq: bigint): Promise<void>
  cursor(): Promise<OutboxCursor>
  /** False when somebody set the cursor meanwhile: nothing is changed then. */
  save(seq: bigint, epoch: bigint): Promise<boolean>
  /** Why it stands still, for who asks the database; null when it does not. */
  tell(trouble: string | null): Promise<void>
  /** Keeps a message that the broker refuses. Twice: one letter all the same. */
  bury(message: OutboxMessage, error: string, attempts: number): Promise<void>
  /** Dead letters that are to be published again, oldest first. */
  retries(): Promise<readonly OutboxRetry[]>
  /** A dead letter was published, or what it is about is gone. */
  letGo(id: bigint): Promise<void>
  failAgain(id: bigint, error: string): Promise<void>
  deadLetters(): Promise<number>
}

/** How far a target is with a source. */
export interface OutboxStatus {
  readonly target: string
  readonly source: string
  readonly seq: bigint
  /** What the source has since, wanted or not; null for a source that the node does not have any more. */
  readonly behind: bigint | null
  readonly deadLetters: number
  readonly updatedAt: string
  readonly trouble: string | null
}

/** A message that a broker refused. */
export interface OutboxDeadLetter {
  readonly id: bigint
  readonly target: string
  readonly source: string
  readonly seq: bigint
  readonly key: string
  readonly attempts: number
  readonly failedAt: string
  /** It is published again as soon as the node runs. */
  readonly waiting: boolean
  readonly error: string
}
