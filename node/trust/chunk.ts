const FIRST = 256
const MOST_BLOCKS = 5_000
/** Logs of one range that are held in memory at a time. */
const MANY_LOGS = 2_000

/** How many blocks are compared at once: more while answers are small, fewer when somebody can't answer. */
export class Chunk {
  #blocks = FIRST

  get blocks(): bigint {
    return BigInt(this.#blocks)
  }

  took(blocks: bigint, logs: number): void {
    if (logs > MANY_LOGS) this.#blocks = Math.max(1, this.#blocks >> 1)
    else if (Number(blocks) === this.#blocks && logs < MANY_LOGS / 4)
      this.#blocks = Math.min(MOST_BLOCKS, this.#blocks * 2)
  }

  /** False when one block is already all that is asked for. */
  shrink(blocks: bigint): boolean {
    if (blocks <= 1n) return false
    this.#blocks = Math.max(1, Math.min(this.#blocks, Number(blocks)) >> 1)
    return true
  }
}
