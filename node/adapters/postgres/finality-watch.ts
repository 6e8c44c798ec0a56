import type { BlockRef, ChainReader } from '../../ports/chain.ts'
import type { Position } from './event-position.ts'

/** So many answers in a row must say that a final block is gone: one provider may be wrong for a moment. */
const proofs = 3

/**
 * Looks whether a chain still has the newest block that counted as final. A block that no provider has proves nothing:
 * they may be behind; another block at its height does.
 */
export class FinalityWatch {
  readonly #chainId: number
  readonly #chain: Pick<ChainReader, 'block'>
  #asked: BlockRef | null = null
  #verdict: 'unknown' | 'holds' | 'broken' = 'unknown'
  #against = 0

  constructor(chainId: number, chain: Pick<ChainReader, 'block'>) {
    this.#chainId = chainId
    this.#chain = chain
  }

  /** Asks the chain once for each block that it calls final, and at first. Rejects as `ChainReader`. */
  async look(
    anchor: Position['anchor'],
    finalized: BlockRef | null,
  ): Promise<'unknown' | 'holds' | 'broken'> {
    if (anchor === null) return 'holds'
    if (finalized === null || (this.#against === 0 && finalized.hash === this.#asked?.hash))
      return this.#verdict
    const found = await this.#chain.block(this.#chainId, anchor.number)
    if (found === null) return this.#verdict
    if (found.hash.toLowerCase() === anchor.hash.toLowerCase()) {
      this.#verdict = 'holds'
    } else if (++this.#against < proofs) {
      this.#verdict = 'unknown'
      return this.#verdict
    } else {
      this.#verdict = 'broken'
    }
    this.#against = 0
    this.#asked = finalized
    return this.#verdict
  }
}
