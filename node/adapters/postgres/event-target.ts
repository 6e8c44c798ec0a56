import type { BlockRef, ChainInfo, ChainReader, Hex } from '../../ports/chain.ts'
import type { Clock } from '../../ports/clock.ts'
import type { IndexReader } from '../../ports/index-reader.ts'
import type { EventIndex, Tip } from './event-index.ts'
import type { Position } from './event-position.ts'

/** An index further behind the head than this is worth a warning. */
const lagLimit = 60
/** Index and chain on different branches for longer than this is worth a warning. */
const apartLimitMs = 60_000

/** Where a pass goes to: the index's tip, and the heights that count as confirmed and final. */
export interface Target extends Tip {
  readonly confirmed: bigint
  readonly final: bigint
  readonly anchor: Position['anchor']
  /** What the chain itself calls final, with its time; null while it does not say. */
  readonly finalized: BlockRef | null
  /** Null where the index does not say. */
  readonly edition: string | null
}

interface TargetModules {
  readonly index: IndexReader
  readonly chains: Pick<ChainReader, 'block'>
  readonly clock: Pick<Clock, 'monotonic'>
}

/** Finds where the log of one chain can be brought to: what the index has, as far as it is of the chain's own branch. */
export class TargetFinder {
  readonly #chain: ChainInfo
  readonly #modules: TargetModules
  readonly #index: EventIndex
  readonly #tell: (trouble: string | null) => void
  #isLate = false
  /** Since when the index has been on another branch than the chain, by the clock's `monotonic`. */
  #apartSince: number | null = null

  constructor(
    options: {
      readonly chain: ChainInfo
      readonly index: EventIndex
      /** Told why events stand still or come late, and null when they don't. */
      readonly tell: (trouble: string | null) => void
    },
    modules: TargetModules,
  ) {
    this.#chain = options.chain
    this.#index = options.index
    this.#tell = options.tell
    this.#modules = modules
  }

  /**
   * Null while index or providers don't say. `known`: up to where the log's events are final.
   * @throws IndexError, ChainError
   */
  async find(finalized: BlockRef | null, known: bigint): Promise<Target | null> {
    const fresh = (await this.#modules.index.freshness()).find(({ chainId }) => chainId === this.#chain.id)
    const { name, confirmations } = this.#chain
    if (fresh?.indexed == null || fresh.head === null) {
      const missing = fresh?.indexed == null ? 'the index has no block of' : 'no provider answered for'
      this.#tell(`${missing} ${name}; events wait until it does`)
      return null
    }
    const behind = fresh.lagBlocks ?? 0
    this.#isLate = behind > lagLimit
    this.#tell(
      this.#isLate
        ? `the index is ${behind} blocks behind ${name}; events come late until it caught up`
        : null,
    )
    const tip = await this.#index.tip(fresh.indexed)
    const final = finalized === null ? -1n : await this.#finalIn(tip, finalized, known)
    return {
      ...tip,
      final,
      confirmed: most(final, least(tip.number, fresh.head.number) - BigInt(confirmations)),
      anchor:
        finalized === null || finalized.number > tip.number
          ? null
          : { number: finalized.number, hash: finalized.hash },
      finalized,
      edition: fresh.edition ?? null,
    }
  }

  /**
   * Up to where what the index has is final; -1 for no further than before. An index that lags may be on a branch that is gone
   * from the chain. Nothing counts as final there: what the right branch has at these heights would not be looked for.
   */
  async #finalIn(tip: Tip, finalized: BlockRef, known: bigint): Promise<bigint> {
    const number = least(finalized.number, tip.number)
    const final = number <= known || (await this.#isOfChain(number, tip, finalized))
    if (final) this.#apartSince = null
    else this.#tellApart(number)
    return final ? number : -1n
  }

  /** Whether what the index has up to this block is of the chain's own branch. */
  async #isOfChain(number: bigint, tip: Tip, finalized: BlockRef): Promise<boolean> {
    // Below its live blocks the index takes nothing back.
    if (tip.hash === null) return true
    const indexed = await this.#index.hashAt(number)
    // It does not know the hashes of all its live blocks: after a start they begin at the head. Its tip then stands for them.
    const [at, hash] = indexed === null ? [tip.number, tip.hash] : [number, indexed]
    const own = at === finalized.number ? finalized.hash : await this.#hashOnChain(at)
    if (own?.toLowerCase() !== hash.toLowerCase()) return false
    // It may have gone to another branch since its tip was read, and the block was of that one.
    return (await this.#index.hashAt(tip.number)) === tip.hash
  }

  /** For a moment it is everyday: the index or a provider is on its way to the other's branch. */
  #tellApart(number: bigint): void {
    const now = this.#modules.clock.monotonic()
    this.#apartSince ??= now
    if (this.#isLate || now - this.#apartSince < apartLimitMs) return
    const { name } = this.#chain
    this.#tell(
      `the index and the providers of ${name} are on different branches at block ${number}; nothing more is final until they agree`,
    )
  }

  async #hashOnChain(number: bigint): Promise<Hex | null> {
    return (await this.#modules.chains.block(this.#chain.id, number))?.hash ?? null
  }
}

export const least = (a: bigint, b: bigint) => (a < b ? a : b)
export const most = (a: bigint, b: bigint) => (a > b ? a : b)
