import type { BlockRef, ChainInfo, ChainReader, Hex } from '../../ports/chain.ts'
import type { ChainHalts } from '../../ports/chain-trust.ts'
import type { Clock } from '../../ports/clock.ts'
import type { IndexReader } from '../../ports/index-reader.ts'
import type { Row } from '../../ports/index-tables.ts'
import type { Logger } from '../../ports/log.ts'
import type { Counter } from '../../ports/metrics.ts'
import type { Database } from './database.ts'
import { EventIndex, maxPage, type Tip } from './event-index.ts'
import { type Halt, type Position, readPosition, writePosition } from './event-position.ts'
import { readLive, readRising, withoutKnown } from './event-rising.ts'
import { least, most, type Target, TargetFinder } from './event-target.ts'
import { blocksToCheck, compareWindow, forkOf, placeOf } from './event-window.ts'
import { FinalityWatch } from './finality-watch.ts'

/** A position that moves over blocks without events is written only this often: reading them again costs little. */
const lazyBlocks = 64n

export interface FollowerModules {
  readonly database: Database
  readonly index: IndexReader
  readonly chains: Pick<ChainReader, 'chains' | 'block' | 'finalized'>
  readonly halts: ChainHalts
  readonly clock: Pick<Clock, 'monotonic'>
  readonly log: Logger
  readonly copied: Counter
  readonly reverted: Counter
}

/** Up to when the log of a chain is complete, and final: Unix seconds of the blocks; null where that is not known. */
export interface ReachedTimes {
  readonly copied: number | null
  readonly final: number | null
  /** Of the position that they are of. */
  readonly revision: bigint
  /** How often old blocks were looked through for contracts that came later; null while that is due: old events come then. */
  readonly rounds: number | null
}

/**
 * Follows the index of one chain: every event that enters the chain, rises to a higher stage or is dropped becomes a
 * notice in the node's own log, once and in order.
 */
export class EventFollower {
  readonly #chain: ChainInfo
  readonly #batch: number
  readonly #modules: FollowerModules
  readonly #index: EventIndex
  readonly #watch: FinalityWatch
  readonly #targets: TargetFinder
  #position: Position | null = null
  /** What the database has as copied. */
  #stored = -1n
  /** The target that the last pass reached, as a text. */
  #reached = ''
  #times: { copied: number | null; final: number | null } = { copied: null, final: null }
  /** Old blocks are yet to be looked through. */
  #isLate = false
  #rounds = 0
  #compared = false
  #halt: Halt | null = null
  #trouble: string | null = null

  constructor({ chain, batch }: { chain: ChainInfo; batch: number }, modules: FollowerModules) {
    this.#chain = chain
    this.#batch = Math.min(Math.max(1, batch), maxPage)
    this.#modules = modules
    this.#index = new EventIndex(chain.id, modules.index)
    this.#watch = new FinalityWatch(chain.id, modules.chains)
    this.#targets = new TargetFinder(
      {
        chain,
        index: this.#index,
        tell: (trouble) => {
          this.#trouble = trouble
        },
      },
      modules,
    )
  }

  get chain(): ChainInfo {
    return this.#chain
  }

  /** Why the chain's events stand still or come late; null when they don't. */
  trouble(): string | null {
    return this.#halt?.reason ?? this.#trouble
  }

  /** Nothing of the chain may be delivered. */
  halted(): boolean {
    return this.#halt !== null
  }

  /** Up to when its events are all in the log as it is; null before the first pass, and while a branch is taken back. */
  times(): ReachedTimes | null {
    if (this.#position === null) return null
    const { revision } = this.#position
    if (this.#isLate) return { copied: null, final: null, revision, rounds: null }
    return { ...this.#times, revision, rounds: this.#rounds }
  }

  /** Block up to which the log has everything at that level; null before the first pass, and while old blocks are looked through. */
  reached(level: number): bigint | null {
    if (this.#position === null || this.#isLate || this.#halt !== null) return null
    const { copied, confirmed, final } = this.#position
    const block = [copied, confirmed, final][level - 1] ?? -1n
    return block < 0n ? null : block
  }

  /** Reads the stored position, and raises the halt that it tells. */
  async load(): Promise<Position> {
    const position = await readPosition(this.#modules.database, this.#chain.id)
    this.#position = position
    this.#stored = position.copied
    // What the index has now is not known yet.
    this.#isLate = position.copied >= 0n
    if (position.halt !== null) this.#raise(position.halt)
    return position
  }

  /** The index can't follow its chain any more: nothing is copied until it was recovered. */
  halt(reason: string): void {
    this.#raise({ by: 'index', reason })
  }

  /** Brings the log up to the index. Tells whether there are new notices; rejects while something does not answer. */
  async pass(signal: AbortSignal): Promise<boolean> {
    try {
      const position = this.#position ?? (await this.load())
      const finalized = await this.#modules.chains.finalized(this.#chain.id).catch(() => null)
      if (!(await this.#mayGoOn(position, finalized))) return false
      const target = await this.#targets.find(finalized, this.#known().final)
      return target === null ? false : await this.#advance(target, signal)
    } catch (error) {
      // Rows that were just being taken back: the next pass reads them as they are then.
      if (error instanceof Error && 'code' in error && error.code === 'INDEX_BEHIND') return false
      this.#position = null
      throw error
    }
  }

  #raise(halt: Halt): void {
    const { reason } = halt
    this.#halt = halt
    this.#modules.halts.raise({ chainId: this.#chain.id, cause: 'deep-reorg', reason })
  }

  async #mayGoOn(position: Position, finalized: BlockRef | null): Promise<boolean> {
    // What the index said outlives a final block that came back.
    if (this.#halt !== null && this.#halt.by !== position.halt?.by) {
      await this.#write(position, { ...position, halt: this.#halt })
      return false
    }
    const verdict = await this.#watch.look(position.anchor, finalized)
    if (verdict === 'broken' && position.halt === null) {
      await this.#stop(position, 'anchor', `dropped block ${position.anchor?.number}, which counted as final`)
      return false
    }
    if (verdict === 'holds' && position.halt?.by === 'anchor') {
      await this.#write(position, { ...position, halt: null })
      this.#halt = null
      this.#modules.halts.clear(this.#chain.id, 'deep-reorg')
      return true
    }
    if (verdict === 'unknown')
      this.#trouble = `no provider says whether ${this.#chain.name} still has its final block; events wait until one does`
    return verdict === 'holds' && position.halt === null
  }

  async #stop(position: Position, by: Halt['by'], what: string): Promise<void> {
    const { name, id } = this.#chain
    const reason = `${name} ${what}; stop the node and run "iyi index recover --chain ${id}"`
    this.#raise({ by, reason })
    await this.#write(position, { ...position, halt: { by, reason } })
  }

  async #advance(target: Target, signal: AbortSignal): Promise<boolean> {
    const key = `${target.number} ${target.hash} ${target.confirmed} ${target.final} ${target.edition}`
    if (this.#reached === key) return false
    // Said before anything of another build is written.
    const { copied, edition } = this.#known()
    if (copied >= 0n && target.edition !== null && target.edition !== edition) this.#isLate = true
    let news = await this.#followBranch(target)
    if (news === 'wait') return false
    news = (await this.#lookThrough(target, signal)) || news
    if (signal.aborted) return news
    if (this.#isLate) this.#rounds++
    this.#isLate = false
    while (!signal.aborted) {
      const { copied } = this.#known()
      const { rows, upTo } =
        target.number > copied
          ? await this.#index.read({ after: copied, upTo: target.number, batch: this.#batch }, target)
          : { rows: [], upTo: copied }
      const step = await this.#step(target, rows, upTo)
      if (step === 'wait') return news
      news ||= step
      if (upTo >= target.number) {
        this.#reached = key
        return news
      }
    }
    return news
  }

  /** Sees whether the blocks that were copied are still those of the index, and takes back what is gone. */
  async #followBranch(target: Target): Promise<boolean | 'wait'> {
    const position = this.#known()
    const { copied, hash, final } = position
    if (this.#compared && hash !== null && target.number >= copied) {
      const now = target.number === copied ? target.hash : await this.#index.hashAt(copied)
      if (now === hash) return false
    }
    const ours = await readLive(this.#modules.database, this.#chain.id, final)
    const upTo = least(copied, target.number)
    const theirs = await this.#window(final, upTo, target)
    const { missing, extra } = compareWindow(ours, theirs, upTo)
    const fork = await forkOf(missing, (number) => this.#hashOnChain(number))
    if (fork === 'unknown') return 'wait'
    this.#compared = true
    // What was confirmed on a branch that is gone may be nearer to the tip on the new one.
    const confirmed = least(position.confirmed, most(final, target.confirmed))
    if (fork === null) {
      // The hash of a block is only known where it is the tip; otherwise the next pass compares again.
      const known = target.number === copied ? target.hash : null
      const next = { ...position, hash: known, confirmed }
      if (extra.length > 0) await this.#write(position, next, { added: extra })
      else this.#position = next
      return extra.length > 0
    }
    const indexed = new Set(theirs.map(placeOf))
    const gone = ours.filter((event) => event.blockNumber >= fork && !indexed.has(placeOf(event)))
    // The branches may have parted below: what is new there comes with this step, all above is copied as if new.
    const below = fork - 1n
    const added = extra.filter(({ blockNumber }) => blockNumber < fork)
    this.#times = { ...this.#times, copied: null }
    await this.#write(position, { ...position, copied: below, hash: null, confirmed }, { gone, added })
    this.#modules.log.info(
      { chain: this.#chain.name, fromBlock: fork.toString(), events: gone.length },
      'Take back events that a reorganisation dropped',
    )
    return true
  }

  /**
   * Another build of the index may follow more contracts than the one before: what they did in blocks that were copied long
   * ago is news. It comes then, after what is above it.
   */
  async #lookThrough(target: Target, signal: AbortSignal): Promise<boolean> {
    const { edition } = target
    if (edition === null || edition === this.#known().edition) return false
    let news = false
    const upTo = least(this.#known().copied, target.number)
    for (let after = -1n; after < upTo; ) {
      if (signal.aborted) return news
      const page = await this.#index.read({ after, upTo, batch: this.#batch }, target)
      const added = await withoutKnown(this.#modules.database, this.#chain.id, page.rows)
      const position = this.#known()
      if (added.length > 0) await this.#write(position, position, { added })
      news ||= added.length > 0
      after = page.upTo
    }
    const position = this.#known()
    await this.#write(position, { ...position, edition })
    return news
  }

  async #window(after: bigint, upTo: bigint, tip: Tip): Promise<readonly Row<'event'>[]> {
    const found: Row<'event'>[] = []
    for (let from = after; from < upTo; ) {
      const page = await this.#index.read({ after: from, upTo, batch: maxPage }, tip)
      found.push(...page.rows)
      from = page.upTo
    }
    return found
  }

  /** Copies the rows of whole blocks up to `upTo`, and promotes what is higher now. */
  async #step(target: Target, rows: readonly Row<'event'>[], upTo: bigint): Promise<boolean | 'wait'> {
    const position = this.#known()
    const confirmed = most(position.confirmed, least(target.confirmed, upTo))
    const final = most(position.final, least(target.final, upTo))
    const rising = await readRising(this.#modules.database, this.#chain.id, position, { confirmed, final })
    for (const block of blocksToCheck([...rising.final, ...rows], final, target.number))
      if (!(await this.#inChain(block, target))) return 'wait'
    const { anchor } = target
    const next = {
      ...position,
      copied: upTo,
      hash: upTo === target.number ? target.hash : position.copied === upTo ? position.hash : null,
      confirmed,
      final,
      anchor: anchor !== null && anchor.number <= final ? anchor : position.anchor,
    }
    const news = rows.length > 0 || rising.any
    const write = news || upTo - this.#stored >= lazyBlocks
    if (write) await this.#write(position, next, { added: rows })
    else this.#position = next
    if (upTo === target.number) this.#times = timesAt(target, final, this.#times.final)
    return news
  }

  /**
   * Whether the chain has the block of an event that is about to become final. Where the index is of the chain's own
   * branch and still holds an event of another, it never takes that back: Ponder reorganises only so deep.
   */
  async #inChain(event: { blockNumber: bigint; blockHash: Hex }, tip: Tip): Promise<boolean> {
    const same = async (number: bigint, hash: Hex) =>
      (await this.#hashOnChain(number))?.toLowerCase() === hash.toLowerCase()
    const { blockNumber, blockHash } = event
    if (await same(blockNumber, blockHash)) return true
    const { name } = this.#chain
    this.#trouble = `the index and the providers of ${name} differ at block ${blockNumber}; events wait until they agree`
    if (tip.hash === null || !(await same(tip.number, tip.hash))) return false
    const found = await this.#hashOnChain(blockNumber)
    if (found === null || found.toLowerCase() === blockHash.toLowerCase()) return false
    await this.#stop(
      this.#known(),
      'index',
      `has another block ${blockNumber} than its index, which can't take that back`,
    )
    return false
  }

  async #hashOnChain(number: bigint): Promise<Hex | null> {
    return (await this.#modules.chains.block(this.#chain.id, number))?.hash ?? null
  }

  #known(): Position {
    if (this.#position === null) throw new TypeError('the position is not loaded')
    return this.#position
  }

  async #write(
    from: Position,
    to: Omit<Position, 'revision'>,
    { added = [], gone = [] }: { added?: readonly Row<'event'>[]; gone?: readonly { id: bigint }[] } = {},
  ): Promise<void> {
    const { database, copied, reverted } = this.#modules
    this.#position = await writePosition(database, this.#chain.id, {
      from,
      to,
      added,
      reverted: gone.map(({ id }) => id),
    })
    this.#stored = to.copied
    const labels = { chain: this.#chain.name }
    if (added.length > 0) copied.inc(labels, added.length)
    if (gone.length > 0) reverted.inc(labels, gone.length)
  }
}

function timesAt({ number, timestamp, finalized }: Target, final: bigint, before: number | null) {
  const blocks = finalized === null ? [{ number, timestamp }] : [finalized, { number, timestamp }]
  return { copied: timestamp, final: blocks.find((block) => block.number === final)?.timestamp ?? before }
}
