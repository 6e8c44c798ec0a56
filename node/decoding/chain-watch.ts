import type { BlockRef, ChainLog, ChainReader, Hex } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import type { RawLogs } from '../ports/raw-logs.ts'
import type { FactoryChild, UndecodedLog, UndecodedStore } from '../ports/undecoded-log.ts'
import type { ContractState } from './contract-state.ts'
import { lower } from './watched-contract.ts'

/** Blocks of the first step. */
const FIRST_BLOCKS = 64n
/**
 * A step with more logs is followed by shorter ones, one with much fewer by longer ones. An answer that is too large for the
 * node counts as a failure of the provider, so it must not come near.
 */
const MANY_LOGS = 2_000
/** Addresses of one request; providers allow no more than a thousand or so. */
const MOST_ADDRESSES = 500
/** Logs that are looked at before others get their turn. */
const AT_ONCE = 500

export type Outcome = 'moved' | 'again' | 'done'

export interface Sight {
  /** Newest block to look through. */
  readonly indexed: bigint
  readonly finalized: bigint
  /** Of the newest block: another one may mean that others are gone. */
  readonly head: Hex | null
}

interface Modules {
  readonly chain: Pick<ChainReader, 'block'>
  readonly raw: RawLogs
  readonly store: UndecodedStore
  readonly clock: Clock
  readonly onFound: (state: ContractState, logs: readonly UndecodedLog[]) => void
  readonly onFull: (state: ContractState) => void
}

/**
 * Looks through the logs of the operator's contracts on one chain, range by range. Contracts that are equally far share the
 * requests. A range that may still be reorganised counts only if the blocks at both of its ends are the same before and
 * after it was read; what lies above the newest final place is dropped as soon as the chain has left it.
 */
export class ChainWatch {
  readonly #chainId: number
  readonly #states: readonly ContractState[]
  readonly #modules: Modules
  /** Most blocks of one step. */
  readonly #most: bigint
  #span: bigint

  constructor(
    options: {
      readonly chainId: number
      readonly states: readonly ContractState[]
      readonly blocks: number
    },
    modules: Modules,
  ) {
    this.#most = BigInt(options.blocks)
    this.#span = lesser(FIRST_BLOCKS, this.#most)
    this.#chainId = options.chainId
    this.#states = options.states
    this.#modules = modules
  }

  /**
   * One step for all contracts: one that is added later catches up beside the others. `done` when all is looked through.
   * Rejects as `ChainReader` and the store do.
   */
  async step(sight: Sight): Promise<Outcome> {
    let outcome: Outcome = 'done'
    for (const from of new Set(this.#states.map(({ next }) => next))) {
      const group = this.#states.filter(({ next }) => next === from)
      if ((await this.#stepOf(group, from, sight)) !== 'done') outcome = 'moved'
    }
    return outcome
  }

  /** How many blocks up to this one the contract that is least far has not been looked through. */
  behind(indexed: bigint): bigint {
    const next = this.#states.map((state) => state.next).reduce(lesser, indexed + 1n)
    return indexed + 1n - next
  }

  async #stepOf(group: readonly ContractState[], from: bigint, sight: Sight): Promise<Outcome> {
    const isBehind = from <= sight.indexed
    const looks = `${sight.head} ${sight.indexed} ${sight.finalized}`
    if (!isBehind && group.every(({ settled }) => settled === looks)) return 'done'
    if ((await this.#checkTips(group, from - 1n, isBehind, sight)) === 'again') return 'again'
    if (!isBehind) {
      for (const state of group) state.settled = looks
      return 'done'
    }
    // Not beyond where others wait: from there on they go together.
    const others = this.#states.filter(({ next }) => next > from).map(({ next }) => next - 1n)
    const to = [from + this.#span - 1n, sight.indexed, ...others].reduce(lesser)
    const end = await this.#block(to)
    if (end === null) return 'again'
    const found = await this.#readOrShorten(group, from, to)
    if (to > sight.finalized && !(await this.#stands(group, end))) return 'again'
    for (const { state, logs, children } of found) await this.#store(state, { end, logs, children }, sight)
    return 'moved'
  }

  /** Goes back where the newest place is not in the chain any more; makes places final. */
  async #checkTips(
    group: readonly ContractState[],
    at: bigint,
    isBehind: boolean,
    { finalized }: Sight,
  ): Promise<'holds' | 'again'> {
    const known = group.filter(({ place }) => place !== null)
    // In a past that is final nothing moves; but it may have while this node was away.
    const past = isBehind && at + 1n <= finalized && known.every(({ checked }) => checked)
    if (known.length === 0 || past) return 'holds'
    const block = await this.#block(at)
    if (block === null) return isBehind ? 'again' : 'holds'
    const left = known.filter(({ place }) => place?.hash !== block.hash)
    for (const state of left) await this.#goBack(state)
    if (left.length > 0) return 'again'
    for (const state of known) {
      state.checked = true
      const { place, final } = state
      if (place === null) continue
      const progress = state.after(place, finalized)
      if (progress.final?.number === final?.number) continue
      await this.#modules.store.advance(state.watched.name, progress, { logs: [], children: [] })
      state.moved(progress, [])
    }
    return 'holds'
  }

  async #goBack(state: ContractState): Promise<void> {
    const { final, watched } = state
    const found = final === null ? null : await this.#block(final.number)
    // A provider that lags says nothing about it; another block there does.
    if (final !== null && found === null) return
    const to = found?.hash === final?.hash ? final : null
    await this.#modules.store.rewind(watched.name, to)
    state.wentBack(to)
  }

  /** The blocks at both ends are still those that they were. */
  async #stands(group: readonly ContractState[], end: BlockRef): Promise<boolean> {
    if ((await this.#block(end.number))?.hash !== end.hash) return false
    const [place] = group.flatMap((state) => (state.place === null ? [] : [state.place]))
    return place === undefined || (await this.#block(place.number))?.hash === place.hash
  }

  /** A range that could not be read is tried again with fewer blocks. */
  async #readOrShorten(group: readonly ContractState[], from: bigint, to: bigint) {
    try {
      return await this.#read(group, from, to)
    } catch (error) {
      this.#span = this.#span / 8n > 1n ? this.#span / 8n : 1n
      throw error
    }
  }

  async #read(group: readonly ContractState[], from: bigint, to: bigint) {
    const range = { fromBlock: from, toBlock: to }
    const makers = group.flatMap(({ watched, isFull }) =>
      watched.factory === null || isFull ? [] : [watched.factory],
    )
    const made = await this.#logs(
      makers.map(({ address }) => address),
      makers.map(({ topic }) => topic),
      range,
    )
    const parts = group.map((state) => {
      const children = state.fresh(made.flatMap((log) => state.watched.child(log) ?? []))
      const since = new Map([
        ...state.children,
        ...children.map((each) => [each.address, each.blockNumber] as const),
      ])
      return { state, children, since, logs: [] as UndecodedLog[] }
    })
    const addresses = parts.flatMap(({ state, since }) => [...state.watched.addresses, ...since.keys()])
    const topics = parts.flatMap(({ state }) => state.watched.topics)
    const all = [...made, ...(await this.#logs(addresses, topics, range))]
    this.#pace(all.length)
    for (const [at, log] of all.toSorted(byPlace).entries()) {
      if (at % AT_ONCE === AT_ONCE - 1) await this.#breathe()
      for (const { state, since, logs } of parts) {
        const address = lower(log.address)
        const { watched } = state
        const child = since.get(address)
        const isIts = watched.addresses.includes(address) || (child !== undefined && log.blockNumber >= child)
        if (!isIts && address !== watched.factory?.address) continue
        const undecoded = watched.undecoded(log)
        const last = logs.at(-1)
        const isTwice = last?.blockNumber === log.blockNumber && last.logIndex === log.logIndex
        if (undecoded !== null && !isTwice) logs.push(undecoded)
      }
    }
    return parts
  }

  async #logs(
    addresses: readonly Hex[],
    topics: readonly Hex[],
    range: { readonly fromBlock: bigint; readonly toBlock: bigint },
  ): Promise<readonly ChainLog[]> {
    const asked = [...new Set(addresses)]
    const wanted = [...new Set(topics)]
    const found: ChainLog[] = []
    for (let at = 0; at < asked.length; at += MOST_ADDRESSES) {
      const some = asked.slice(at, at + MOST_ADDRESSES)
      found.push(
        ...(await this.#modules.raw.logs(this.#chainId, { addresses: some, topics: wanted, ...range })),
      )
    }
    return found
  }

  async #store(
    state: ContractState,
    found: {
      readonly end: BlockRef
      readonly logs: readonly UndecodedLog[]
      readonly children: readonly FactoryChild[]
    },
    { finalized }: Sight,
  ): Promise<void> {
    const { end, logs, children } = found
    const total = (state.place?.total ?? 0n) + BigInt(logs.length)
    const progress = state.after({ number: end.number, hash: end.hash, total }, finalized)
    const kept = state.keep(logs)
    const wasFull = state.isFull
    await this.#modules.store.advance(state.watched.name, progress, { logs: kept, children })
    state.moved(progress, children)
    if (logs.length > 0) this.#modules.onFound(state, logs)
    if (state.isFull && !wasFull) this.#modules.onFull(state)
  }

  #pace(logs: number): void {
    if (logs > MANY_LOGS) this.#span = this.#span / 2n > 1n ? this.#span / 2n : 1n
    else if (logs < MANY_LOGS / 4) this.#span = lesser(this.#span * 2n, this.#most)
  }

  #breathe(): Promise<void> {
    return new Promise((resolve) => void this.#modules.clock.setTimer(0, resolve))
  }

  async #block(number: bigint): Promise<BlockRef | null> {
    return await this.#modules.chain.block(this.#chainId, number)
  }
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function byPlace(a: ChainLog, b: ChainLog): number {
  if (a.blockNumber !== b.blockNumber) return a.blockNumber < b.blockNumber ? -1 : 1
  return a.logIndex - b.logIndex
}
