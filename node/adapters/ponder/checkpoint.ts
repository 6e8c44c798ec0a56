/** A place in Ponder's order of events: 75 digits, see `decodeCheckpoint`. */
export interface Checkpoint {
  /** Unix seconds. */
  readonly timestamp: number
  readonly blockNumber: bigint
  /** True when the checkpoint includes all of its block. */
  readonly wholeBlock: boolean
}

const layout = /^(\d{10})\d{16}(\d{16})(\d{33})$/

/**
 * Reads Ponder's checkpoint: timestamp (10 digits), chain id (16), block (16), then transaction index (16), event type
 * (1) and event index (16), all nines when the checkpoint stands for the end of the block.
 *
 * @returns null for a text of another form
 */
export function decodeCheckpoint(text: string): Checkpoint | null {
  const [, timestamp, block, rest] = layout.exec(text) ?? []
  if (timestamp === undefined || block === undefined || rest === undefined) return null
  return { timestamp: Number(timestamp), blockNumber: BigInt(block), wholeBlock: rest === '9'.repeat(33) }
}
