/** How far a consumer is with a chain. */
export interface EventConsumerStatus {
  readonly consumer: string
  readonly chainId: number
  readonly stage: string
  readonly seq: bigint
  /** What the chain has told since, wanted or not; a cursor is written each half a minute at least. */
  readonly behind: bigint
  readonly deadLetters: number
}

/** An event that a consumer failed to handle. */
export interface EventDeadLetter {
  readonly id: bigint
  readonly consumer: string
  readonly chainId: number
  readonly event: string
  readonly blockNumber: bigint
  readonly attempts: number
  /** When it failed last, as the database says it. */
  readonly failedAt: string
  /** It is delivered again as soon as the node runs. */
  readonly waiting: boolean
  readonly error: string
}
