import type { AgreedPlace, AgreementStore } from '../ports/agreement-store.ts'
import type { Hex } from '../ports/chain.ts'
import type { ChainHalts } from '../ports/chain-trust.ts'
import type { Clock } from '../ports/clock.ts'
import { IyiError } from '../ports/errors.ts'
import type { IndexReader } from '../ports/index-reader.ts'
import type { Logger } from '../ports/log.ts'
import type { Witness, Witnesses } from '../ports/witness.ts'
import { type ArgumentsOf, type AuditedChain, scopeOf, startOf } from './audit-scope.ts'
import type { AuditTimes } from './audit-times.ts'
import { Chunk } from './chunk.ts'
import { Disputes } from './disputes.ts'
import type { TrustInstruments } from './instruments.ts'
import { askPanel } from './panel.ts'
import { RangeCheck } from './range-check.ts'
import type { SetAside } from './set-aside.ts'
import type { Range, Statement } from './statement.ts'
import { type Heads, type Scope, takeStatement } from './take-statement.ts'
import { Trail } from './trail.ts'
import { weigh } from './weigh.ts'

export interface AuditorModules {
  readonly witnesses: Witnesses
  readonly index: Pick<IndexReader, 'select'>
  readonly store: AgreementStore
  readonly argumentsOf: ArgumentsOf
  readonly halts: ChainHalts
  readonly clock: Clock
  readonly log: Logger
  readonly instruments: TrustInstruments
  readonly aside: SetAside
}

/** How far the index is, and the head that the node's own reader sees. */
export interface Sight {
  readonly head: bigint
  readonly indexed: bigint
  /** Digest of what is compared, and with which build of the index: with another one everything is compared anew. */
  readonly scope: Hex
}

/** Near enough to the newest block to be proven, block by block. */
const LIVE_BLOCKS = 16n
/** Blocks between agreed places whose hash is remembered. */
const MOST_KNOWN = 64
/** A head below the agreed block for so long is no provider that lags. */
const LOWER_HEAD_MS = 5_000

type Outcome = 'moved' | 'again' | 'pause'

/**
 * Follows the index of one chain: range by range, up to the newest block that is indexed and has its confirmations,
 * independent providers must say the same, and the index too. What is not so, halts the chain's duties.
 */
export class Auditor {
  readonly chain: AuditedChain
  readonly #pauses: AuditTimes
  readonly #modules: AuditorModules
  readonly #scope: Scope
  readonly #trail: Trail
  readonly #chunk = new Chunk()
  readonly #disputes: Disputes
  readonly #check: RangeCheck
  readonly #heads: Heads = new Map()
  readonly #onChange: () => void
  #sight: Sight | null = null
  #from: bigint | null
  #focus: bigint | null = null
  #run: Promise<void> | null = null
  #pausedUntilMs = Number.NEGATIVE_INFINITY
  #lowerHeadSinceMs: number | null = null
  /** `sinceMs` by the monotonic clock. */
  #waiting: { readonly reason: string; readonly sinceMs: number } | null = null
  #stopped = false
  readonly #known = new Map<bigint, Hex>()

  constructor(
    options: {
      readonly chain: AuditedChain
      readonly times: AuditTimes
      readonly onChange: () => void
    },
    modules: AuditorModules,
  ) {
    this.chain = options.chain
    this.#pauses = options.times
    this.#modules = modules
    this.#onChange = options.onChange
    this.#scope = scopeOf(options.chain)
    this.#from = startOf(options.chain)
    this.#trail = new Trail({ chainId: options.chain.id }, modules.store)
    const counting = { ...modules, available: () => this.#available() }
    this.#check = new RangeCheck({ chain: options.chain, scope: this.#scope }, counting)
    this.#disputes = new Disputes(
      { chain: options.chain, scope: this.#scope, times: options.times },
      counting,
    )
  }

  /** Newest block up to which everything is agreed on, also while the chain is halted. */
  get newest(): AgreedPlace | null {
    return this.#trail.newest
  }

  /** Why it does not go on for the moment; null while it does. */
  get waiting(): { readonly reason: string; readonly since: number } | null {
    if (this.#waiting === null) return null
    const { reason, sinceMs } = this.#waiting
    const { clock } = this.#modules
    // Reckoned back from now: a machine's clock that was set meanwhile makes no wait longer or shorter.
    return { reason, since: Math.round(clock.now() - (clock.monotonic() - sinceMs)) }
  }

  /** Hash of a block that is agreed on, where it is known. */
  hashAt(number: bigint): Hex | null {
    return this.#trail.at(number)?.hash ?? this.#known.get(number) ?? null
  }

  /** Remembers which block enough independent providers have at a height below the agreed one. */
  know(number: bigint, hash: Hex): void {
    this.#known.set(number, hash)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest)
  }

  /** Tells how far there is something to compare, and goes on unless that is under way. */
  see(sight: Sight): void {
    this.#sight = sight
    this.#followLowerHead(sight.head)
    if (this.#run !== null || this.#stopped || this.#modules.clock.monotonic() < this.#pausedUntilMs) return
    this.#run = this.#go().finally(() => {
      this.#run = null
    })
  }

  /** Keeps what is agreed on. A provider that does not answer is not waited for: what it would say counts no more. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#trail.save()
  }

  async #go(): Promise<void> {
    try {
      if (this.#sight !== null && (await this.#trail.enter(this.#sight.scope))) {
        this.#known.clear()
        this.#focus = null
        this.#report()
      }
      if (await this.#modules.aside.recheck()) this.#focus = null
      for (let range = this.#next(); range !== null && !this.#stopped; range = this.#next()) {
        const outcome = await this.#step(range)
        if (outcome !== 'pause') continue
        this.#pausedUntilMs = this.#modules.clock.monotonic() + this.#pauses.retryMs
        break
      }
      if (!this.#stopped) await this.#trail.save()
    } catch (error) {
      if (this.#stopped) return
      // The database or the index is away: what was agreed on stays, and nothing moves until it is back.
      this.#wait(error instanceof Error ? error.message : String(error))
      this.#pausedUntilMs = this.#modules.clock.monotonic() + this.#pauses.retryMs
      if (!(error instanceof IyiError && error.retry))
        this.#modules.log.error({ chain: this.chain.id, err: error }, 'Fail to compare a chain, try again')
    }
  }

  get #target(): bigint | null {
    if (this.#sight === null) return null
    const confirmed = this.#sight.head - BigInt(this.chain.confirmations)
    return confirmed < this.#sight.indexed ? confirmed : this.#sight.indexed
  }

  #next(): Range | null {
    const target = this.#target
    if (target === null || target < 0n) return null
    // A chain without contracts has no past to compare.
    const from = this.#trail.newest === null ? (this.#from ?? target) : this.#trail.newest.number + 1n
    if (from > target) return null
    const most = from + this.#chunk.blocks - 1n
    const to = most < target ? most : target
    if (this.#focus === null || this.#focus > to || this.#focus < from) return { from, to }
    return { from, to: this.#focus === from ? from : this.#focus - 1n }
  }

  async #step(range: Range): Promise<Outcome> {
    const { clock } = this.#modules
    const options = {
      chainId: this.chain.id,
      confirmations: BigInt(this.chain.confirmations),
      scope: this.#scope,
      heads: this.#heads,
    }
    const { answers, failures } = await askPanel(
      {
        witnesses: this.#available(),
        k: this.chain.providers,
        hedgeMs: this.#pauses.hedgeMs,
        ask: (witness) => takeStatement(witness, range, options),
        disputed: (statements) =>
          !['agreed', 'short'].includes(weigh(range, statements, this.chain.providers).kind),
      },
      { clock },
    )
    if (this.#stopped) return 'pause'
    const finding = weigh(range, answers, this.chain.providers)
    if (finding.kind !== 'fork') this.#disputes.noFork()
    switch (finding.kind) {
      case 'agreed':
        return await this.#accept(range, finding.statement, answers)
      case 'short':
        if (this.#chunk.shrink(range.to - range.from + 1n)) return 'again'
        return this.#wait(
          `${answers.length} of ${this.chain.providers} independent providers answered for block ${range.to}${failures.length === 0 ? '' : ` (${failures.join('; ')})`}`,
        )
      case 'fork':
        await this.#disputes.fork(range, answers)
        return this.#wait(`providers stand on different blocks at ${range.to}`)
      case 'content':
        if (range.from !== range.to) {
          this.#focus = finding.block
          return 'again'
        }
        return await this.#settle(range, answers)
    }
  }

  /** One block of which providers say different things. */
  async #settle(range: Range, statements: readonly Statement[]): Promise<Outcome> {
    const { agreed, again } = await this.#disputes.content(range, statements)
    const [statement] = agreed ?? []
    if (agreed !== null && statement !== undefined) return await this.#accept(range, statement, agreed)
    return again ? 'again' : this.#wait(`providers say different things of block ${range.to}`)
  }

  async #accept(range: Range, statement: Statement, statements: readonly Statement[]): Promise<Outcome> {
    const { newest } = this.#trail
    if (newest !== null && statement.first.parentHash !== newest.hash) {
      this.#modules.log.warn(
        { chain: this.chain.id, block: newest.number.toString() },
        'Compare again: an agreed block is not in the chain any more',
      )
      this.#trail.back()
      this.#known.clear()
      this.#report()
      return 'again'
    }
    const isLive = (this.#target ?? 0n) - range.from < LIVE_BLOCKS
    const { proof, tooMany, differences } = await this.#check.check(range, statements, isLive)
    if (this.#stopped) return 'pause'
    for (const { witness, header } of proof?.wrong ?? []) await this.#disputes.receipts(witness, header)
    if (proof !== null && proof.disproved !== null) {
      if (await this.#disputes.disproved(proof.disproved, statements)) return 'again'
      return this.#wait(`receipts disprove what is said of block ${proof.disproved.header.number}`)
    }
    if (tooMany && this.#chunk.shrink(range.to - range.from + 1n)) return 'again'
    if (differences.length > 0) {
      await this.#disputes.index(range, statement, differences)
      return this.#wait(`the index differs from the chain at or below block ${range.to}`)
    }
    this.#advance(range, statement)
    return 'moved'
  }

  #advance({ from, to }: Range, { end, logs }: Statement): void {
    this.#trail.add({ number: to, hash: end.hash })
    this.#chunk.took(to - from + 1n, logs.length)
    if (this.#focus !== null && to >= this.#focus) this.#focus = null
    this.#disputes.over()
    this.#waiting = null
    this.#modules.instruments.waiting.set(0, { chain: this.chain.id })
    this.#report()
  }

  #wait(reason: string): 'pause' {
    if (this.#waiting?.reason !== reason)
      this.#modules.log.debug({ chain: this.chain.id, reason }, 'Wait to agree')
    this.#waiting = { reason, sinceMs: this.#waiting?.sinceMs ?? this.#modules.clock.monotonic() }
    this.#modules.instruments.waiting.set(1, { chain: this.chain.id })
    return 'pause'
  }

  /** A development chain that began anew has no block yet where the old one was agreed on. */
  #followLowerHead(head: bigint): void {
    const now = this.#modules.clock.monotonic()
    if (this.#trail.newest === null || head >= this.#trail.newest.number) this.#lowerHeadSinceMs = null
    else this.#lowerHeadSinceMs ??= now
    if (this.#lowerHeadSinceMs === null || now - this.#lowerHeadSinceMs < LOWER_HEAD_MS) return
    this.#trail.back(head)
    this.#known.clear()
    this.#report()
  }

  #available(): readonly Witness[] {
    return this.#modules.witnesses.of(this.chain.id).filter((witness) => !this.#modules.aside.has(witness))
  }

  #report(): void {
    const { newest } = this.#trail
    this.#modules.instruments.agreed.set(Number(newest?.number ?? -1n), { chain: this.chain.id })
    this.#onChange()
  }
}
