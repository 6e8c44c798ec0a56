import type { Address } from '../ports/chain.ts'
import {
  type DecodingPlace,
  type DecodingProgress,
  type FactoryChild,
  MOST_CHILDREN,
  MOST_UNDECODED,
  type UndecodedLog,
} from '../ports/undecoded-log.ts'
import type { WatchedContract } from './watched-contract.ts'

/** Places between the newest final one and the newest one of all that are remembered. */
const MOST_PLACES = 2_048

/** How far one contract was looked through. */
export class ContractState {
  readonly watched: WatchedContract
  readonly #children = new Map<Address, bigint>()
  /** Ascending; the first is final. */
  #trail: readonly DecodingPlace[] = []
  #hasFinal = false
  /** The newest place was in the chain since this process started. */
  checked = false
  /** What the chain looked like when there was nothing more to look through. */
  settled: string | null = null

  constructor(
    watched: WatchedContract,
    stored: DecodingProgress & { readonly children: readonly FactoryChild[] },
  ) {
    this.watched = watched
    const { place, final } = stored
    if (final !== null) this.#trail = [final]
    this.#hasFinal = final !== null
    if (place !== null && place.number !== final?.number) this.#trail = [...this.#trail, place]
    for (const child of stored.children) this.#children.set(child.address, child.blockNumber)
  }

  get place(): DecodingPlace | null {
    return this.#trail.at(-1) ?? null
  }

  get final(): DecodingPlace | null {
    return this.#hasFinal ? (this.#trail[0] ?? null) : null
  }

  /** The next block to look through. */
  get next(): bigint {
    return this.place === null ? this.watched.startBlock : this.place.number + 1n
  }

  /** No more contracts of its factory are looked at. */
  get isFull(): boolean {
    return this.#children.size >= MOST_CHILDREN
  }

  get children(): ReadonlyMap<Address, bigint> {
    return this.#children
  }

  /** Of contracts that a factory made: those that are not known yet, as many as there is room for. */
  fresh(children: readonly FactoryChild[]): readonly FactoryChild[] {
    const known = new Set(this.#children.keys())
    const added: FactoryChild[] = []
    for (const child of children) {
      if (known.has(child.address) || known.size >= MOST_CHILDREN) continue
      known.add(child.address)
      added.push(child)
    }
    return added
  }

  /** Those that are kept of what was found: the oldest of all. */
  keep(logs: readonly UndecodedLog[]): readonly UndecodedLog[] {
    const total = this.place?.total ?? 0n
    return total >= BigInt(MOST_UNDECODED) ? [] : logs.slice(0, MOST_UNDECODED - Number(total))
  }

  /** What is stored after a step to a place. */
  after(place: DecodingPlace, finalized: bigint): DecodingProgress {
    const final = [...this.#trail, place].findLast(({ number }) => number <= finalized)
    return { place, final: final ?? this.final }
  }

  /** A step was stored. */
  moved({ place, final }: DecodingProgress, children: readonly FactoryChild[]): void {
    const rest = [...this.#trail, ...(place === null ? [] : [place])].filter(
      (each, at, all) => all.findIndex(({ number }) => number === each.number) === at,
    )
    this.#hasFinal = final !== null
    const trail = final === null ? rest : [final, ...rest.filter(({ number }) => number > final.number)]
    // The oldest that are not final give way: who goes back then goes back further.
    const over = trail.length - MOST_PLACES
    this.#trail = over <= 0 ? trail : [...trail.slice(0, 1), ...trail.slice(1 + over)]
    for (const child of children) this.#children.set(child.address, child.blockNumber)
    this.checked = true
  }

  /** What is above a place, or everything, was dropped. */
  wentBack(to: DecodingPlace | null): void {
    this.#trail = to === null ? [] : [to]
    this.#hasFinal = to !== null
    for (const [address, from] of this.#children)
      if (to === null || from > to.number) this.#children.delete(address)
    this.checked = false
  }
}
