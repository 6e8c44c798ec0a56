import { keccak256, numberToHex } from 'viem'
import type { Hex, TxReceipt, TxRequest } from '../../ports/chain.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { broadcast } from './broadcast.ts'
import { quantityOf } from './decode.ts'
import { ChainError } from './errors.ts'
import { bumpedFees, ceiling, marketFees } from './fees.ts'
import { type Draft, type Launched, type LaunchModules, launch, signDraft } from './launch.ts'
import { Nonces } from './nonces.ts'
import type { SenderInstruments } from './sender-instruments.ts'
import { noFunds, revertedTx, stoppedTx, type TxSubject } from './tx-errors.ts'

/** Room above the estimate: state moves between estimation and inclusion. */
const GAS_MARGIN_PERCENT = 25n
const TRANSFER_GAS = 21_000n
/**
 * Looks at a mined nonce without finding a receipt of ours before it counts as somebody else's. They span
 * `bumpAfterMs` at least: behind one URL may stand machines of which some lag.
 */
const LOST_AFTER_LOOKS = 4

interface Job extends Draft {
  readonly done: PromiseWithResolvers<TxReceipt>
  readonly sinceMs: number
  readonly nonce: number
  fees: Launched['fees']
  raw: Hex
  /** Every version that may be mined: replacements beside the first. */
  hashes: readonly Hex[]
  sentAtMs: number
  looks: number
  missingSinceMs: number | null
}

/**
 * The transmitter account on one chain. Nonces are given out one at a time under a lock; whatever may be in a pool is
 * watched until its nonce is mined, re-broadcast, and replaced with higher fees while it heads the line. A nonce that
 * nobody fills (lost by a client, or left by an earlier run) is filled with a transfer to oneself, so that one lost
 * transaction cannot hold up the rest.
 */
export class Transmitter {
  readonly #subject: TxSubject
  readonly #capWei: bigint
  readonly #bumpAfterMs: number
  readonly #pollMs: number
  readonly #modules: LaunchModules & { readonly clock: Clock; readonly instruments: SenderInstruments }
  readonly #jobs = new Map<number, Job>()
  readonly #labels: { readonly chain: number }
  #lock: Promise<unknown> = Promise.resolve()
  #holeSinceMs: number | null = null
  #timer: Timer | null = null
  #stopped = false

  constructor(
    options: {
      readonly chainId: number
      /** Wei. */
      readonly maxFeePerGas: bigint
      readonly bumpAfterMs: number
      readonly pollMs: number
    },
    modules: Omit<LaunchModules, 'nonces'> & {
      readonly clock: Clock
      readonly instruments: SenderInstruments
    },
  ) {
    const { address } = modules.account
    this.#subject = { chainId: options.chainId, address }
    this.#labels = { chain: options.chainId }
    this.#capWei = options.maxFeePerGas
    this.#bumpAfterMs = options.bumpAfterMs
    this.#pollMs = options.pollMs
    this.#modules = { ...modules, nonces: new Nonces({ address }, modules) }
  }

  /** Age of the oldest transaction in flight, in milliseconds; 0 when there is none. */
  get oldestMs(): number {
    return Math.max(0, ...[...this.#jobs.values()].map((job) => this.#age(job.sinceMs)))
  }

  get inFlight(): number {
    return this.#jobs.size
  }

  /** Sends, and fulfils with the receipt of whichever version was mined. Rejects with `ChainError`. */
  async submit(request: TxRequest): Promise<TxReceipt> {
    const gas = await this.#estimate(request)
    const done = Promise.withResolvers<TxReceipt>()
    await this.#start({ request, gas }, done, this.#modules.clock.monotonic())
    return await done.promise
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = null
    this.#modules.pool.stop()
    for (const job of this.#jobs.values()) job.done.reject(stoppedTx(this.#subjectOf(job)))
    this.#jobs.clear()
  }

  async #estimate(request: TxRequest): Promise<bigint> {
    const subject = this.#subjectOf({ request })
    try {
      const estimate = await this.#modules.pool.request(
        'eth_estimateGas',
        [this.#callOf(request)],
        quantityOf,
      )
      const gas = estimate + (estimate * GAS_MARGIN_PERCENT) / 100n
      const { leastGas = 0n } = request
      return gas < leastGas ? leastGas : gas
    } catch (error) {
      if (!(error instanceof ChainError)) throw error
      const { data = '0x', reason = '' } = error.data
      if (error.code === 'CHAIN_CALL_REVERTED') throw revertedTx(subject, request, { data, said: reason })
      if (/insufficient (funds|balance)/i.test(reason)) throw noFunds(subject)
      throw error
    }
  }

  #callOf(request: TxRequest): Record<string, string> {
    const value = request.value === undefined ? {} : { value: numberToHex(request.value) }
    return { from: this.#subject.address, to: request.to, data: request.data, ...value }
  }

  #subjectOf(draft: Pick<Draft, 'request'>): TxSubject {
    return draft.request === null ? this.#subject : { ...this.#subject, key: draft.request.key }
  }

  async #locked<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#lock.then(run)
    this.#lock = turn.catch(() => {})
    return await turn
  }

  async #start(draft: Draft, done: Job['done'], sinceMs: number, nonce?: number): Promise<void> {
    // Whoever sent it may have stopped waiting; the rejection is theirs to see, not the process's.
    done.promise.catch(() => {})
    await this.#locked(async () => {
      const subject = this.#subjectOf(draft)
      if (this.#stopped) throw stoppedTx(subject)
      if (nonce !== undefined && this.#jobs.has(nonce)) return
      const options = { subject, capWei: this.#capWei, inFlight: this.#jobs.size }
      const launched = await launch(
        draft,
        nonce === undefined ? options : { ...options, nonce },
        this.#modules,
      )
      if (this.#stopped) throw stoppedTx(subject)
      if (launched === null) return
      const { hash, ...rest } = launched
      const sentAtMs = this.#modules.clock.monotonic()
      const state = { done, sinceMs, sentAtMs, hashes: [hash], looks: 0, missingSinceMs: null }
      this.#jobs.set(rest.nonce, { ...draft, ...rest, ...state })
      this.#modules.instruments.inFlight.set(this.#jobs.size, this.#labels)
      this.#modules.instruments.nonce.set(rest.nonce, this.#labels)
      this.#modules.log.debug({ ...this.#labels, nonce: rest.nonce, hash }, 'Transaction sent')
      this.#watch()
    })
  }

  #watch(): void {
    if (this.#stopped || this.#timer !== null || this.#jobs.size === 0) return
    this.#timer = this.#modules.clock.setTimer(this.#pollMs, () => {
      this.#tick()
        .catch((error: unknown) => {
          const reason = error instanceof Error ? error.message : 'unknown'
          this.#modules.log.debug({ ...this.#labels, reason }, 'Look at transactions in flight again later')
        })
        .finally(() => {
          this.#timer = null
          this.#watch()
        })
    })
  }

  /** One look at everything in flight: one request, plus one a mined nonce, plus one a re-broadcast. */
  async #tick(): Promise<void> {
    const mined = await this.#modules.nonces.count('latest')
    for (const job of this.#inOrder()) {
      if (job.nonce < mined) await this.#settle(job)
    }
    const head = this.#inOrder().find((job) => job.nonce >= mined)
    if (head === undefined || head.nonce === mined) this.#holeSinceMs = null
    if (head === undefined) return
    if (head.nonce > mined) await this.#fillHole(mined)
    else if (this.#age(head.sentAtMs) >= this.#bumpAfterMs) await this.#locked(() => this.#bump(head))
    for (const job of this.#inOrder()) {
      if (job.nonce <= mined || this.#age(job.sentAtMs) < this.#bumpAfterMs) continue
      job.sentAtMs = this.#modules.clock.monotonic()
      await broadcast(this.#modules.pool, job.raw)
    }
  }

  #inOrder(): readonly Job[] {
    return [...this.#jobs.values()].toSorted((a, b) => a.nonce - b.nonce)
  }

  #age(sinceMs: number): number {
    return this.#modules.clock.monotonic() - sinceMs
  }

  async #settle(job: Job): Promise<void> {
    const { instruments, nonces, reader } = this.#modules
    for (const hash of job.hashes) {
      const receipt = await reader.receipt(this.#subject.chainId, hash)
      if (receipt === null) continue
      nonces.mined()
      if (receipt.status === 'success' || job.request === null) job.done.resolve(receipt)
      else job.done.reject(await this.#revertOf(job.request, receipt))
      this.#forget(job)
      instruments.sent.inc({ ...this.#labels, outcome: receipt.status })
      instruments.duration.observe(this.#age(job.sinceMs) / 1000, this.#labels)
      return
    }
    job.looks += 1
    job.missingSinceMs ??= this.#modules.clock.monotonic()
    if (job.looks < LOST_AFTER_LOOKS || this.#age(job.missingSinceMs) < this.#bumpAfterMs) return
    this.#forget(job)
    if (job.request === null) return
    instruments.sent.inc({ ...this.#labels, outcome: 'lost' })
    this.#modules.log.warn(
      { ...this.#labels, nonce: job.nonce },
      'Make sure that nothing else sends from the transmitter account: send a transaction that lost its nonce again',
    )
    await this.#start(job, job.done, job.sinceMs).catch((error: unknown) => job.done.reject(error))
  }

  #forget(job: Job): void {
    if (this.#jobs.get(job.nonce) === job) this.#jobs.delete(job.nonce)
    this.#modules.instruments.inFlight.set(this.#jobs.size, this.#labels)
  }

  /** Replaces the transaction that heads the line with a better paying one. Called with the lock held. */
  async #bump(job: Job): Promise<void> {
    if (this.#jobs.get(job.nonce) !== job) return
    const { account, clock, instruments, log, pool } = this.#modules
    job.sentAtMs = clock.monotonic()
    const fees = bumpedFees(job.fees, await marketFees(pool, this.#capWei), this.#capWei)
    if (fees === null) {
      await broadcast(pool, job.raw)
      log.warn(
        { ...this.#labels, nonce: job.nonce, offeredWei: ceiling(job.fees), capWei: this.#capWei },
        'Raise the fee cap, or wait for fees to fall: a transaction is stuck at the cap',
      )
      return
    }
    const raw = await signDraft(job, { chainId: this.#subject.chainId, nonce: job.nonce, fees }, account)
    const { outcome, reason } = await broadcast(pool, raw)
    // A refused replacement still raises the next offer: the one in the pool may pay more than ours did.
    job.fees = fees
    if (outcome === 'accepted' || outcome === 'unknown') {
      job.raw = raw
      job.hashes = [...job.hashes, keccak256(raw)]
      instruments.replaced.inc(this.#labels)
    }
    log.info({ ...this.#labels, nonce: job.nonce, outcome, reason }, 'Replace a stuck transaction')
  }

  /** Fills the lowest free nonce once it was seen free for long enough. */
  async #fillHole(nonce: number): Promise<void> {
    const { clock, log } = this.#modules
    this.#holeSinceMs ??= clock.monotonic()
    if (this.#age(this.#holeSinceMs) < this.#bumpAfterMs) return
    this.#holeSinceMs = null
    log.warn({ ...this.#labels, nonce }, 'Fill a nonce that holds up the transmitter')
    const filler = { request: null, gas: TRANSFER_GAS }
    await this.#start(filler, Promise.withResolvers<TxReceipt>(), clock.monotonic(), nonce)
  }

  /** Replays a transaction that reverted in a block, for its reason; what came before it there may have mattered. */
  async #revertOf(request: TxRequest, receipt: TxReceipt): Promise<ChainError> {
    const params = [this.#callOf(request), numberToHex(receipt.blockNumber)]
    const data = await this.#modules.pool
      .request('eth_call', params, (): Hex => '0x')
      .catch((error: unknown): Hex => (error instanceof ChainError ? (error.data.data ?? '0x') : '0x'))
    return revertedTx(this.#subjectOf({ request }), request, { data, hash: receipt.hash })
  }
}
