import type { Clock } from '../../ports/clock.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { hostOf, type RpcEndpoint, urlOf } from '../../ports/rpc-endpoint.ts'
import type { ProviderStatus } from '../../ports/witness.ts'
import { ChainError } from './errors.ts'
import { type RpcInstruments, rpcInstruments } from './instruments.ts'
import { httpProvider, type Provider } from './provider.ts'
import { RequestBudget } from './request-budget.ts'
import { failureOf, type RpcFailure, RpcFailureError } from './rpc-failure.ts'

const FAILURE_BASE_MS = 250
const FAILURE_CAP_MS = 30_000
const LIMITED_BASE_MS = 1_000
const LIMITED_CAP_MS = 60_000
/** Between two rounds over providers that are all away: long enough for a restarting one to answer. */
const ROUND_PAUSE_MS = 150
/** What a provider that is asked by itself leaves of its budget to the requests that are not. */
const RESERVE = 0.25

interface Slot {
  readonly index: number
  readonly host: string
  readonly provider: Provider
  readonly weight: number
  readonly budget: RequestBudget
  /** Of the smooth weighted round robin. */
  turn: number
  /** Null until the provider's own chain id was read; asked again after it was away. */
  chainId: number | null
  checking: Promise<void> | null
  failures: number
  coolUntilMs: number
  limited: boolean
}

/** How a chain's providers do, for its health. */
export interface PoolState {
  readonly providers: number
  readonly away: number
  readonly wrong: number
}

/**
 * The providers of one chain, in the operator's order of preference. A request goes to the first one that is well, or,
 * where the operator gave weights, to each in turn by its weight; it falls through to the next on failure. A failing
 * provider rests for a growing time, a rate-limiting one for as long as it asked, and none is asked more often than the
 * operator allows. No provider is used before it has said that it serves the right chain.
 */
export class ProviderPool {
  readonly #chainId: number
  readonly #timeoutMs: number
  readonly #slots: readonly Slot[]
  readonly #weighted: boolean
  readonly #clock: Clock
  readonly #log: Logger
  readonly #instruments: RpcInstruments
  readonly #stop = new AbortController()

  constructor(
    options: { readonly chainId: number; readonly rpc: readonly RpcEndpoint[]; readonly timeoutMs: number },
    modules: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics },
  ) {
    this.#chainId = options.chainId
    this.#timeoutMs = options.timeoutMs
    this.#clock = modules.clock
    this.#log = modules.log
    this.#instruments = rpcInstruments(modules.metrics)
    this.#weighted = options.rpc.some((entry) => typeof entry === 'object' && entry.weight !== undefined)
    this.#slots = options.rpc.map((entry, index) => ({
      index,
      host: hostOf(entry),
      provider: httpProvider({ url: urlOf(entry) }),
      weight: (typeof entry === 'object' ? entry.weight : undefined) ?? 1,
      budget: new RequestBudget(
        { requestsPerSecond: (typeof entry === 'object' ? entry.requestsPerSecond : undefined) ?? null },
        { clock: modules.clock },
      ),
      turn: 0,
      chainId: null,
      checking: null,
      failures: 0,
      coolUntilMs: Number.NEGATIVE_INFINITY,
      limited: false,
    }))
  }

  get state(): PoolState {
    const wrong = this.#slots.filter((slot) => slot.chainId !== null && slot.chainId !== this.#chainId).length
    const away = this.#slots.filter((slot) => slot.failures > 0).length
    return { providers: this.#slots.length, away, wrong }
  }

  /** How each provider does, and what it is asked. */
  status(): readonly ProviderStatus[] {
    const now = this.#clock.monotonic()
    return this.#slots.map((slot) => ({
      provider: slot.index,
      host: slot.host,
      state:
        slot.chainId !== null && slot.chainId !== this.#chainId
          ? 'wrong-chain'
          : slot.coolUntilMs <= now
            ? 'well'
            : slot.limited
              ? 'limited'
              : 'resting',
      weight: slot.weight,
      requests: slot.budget.total,
      perSecond: slot.budget.perSecond,
      limitPerSecond: slot.budget.limit,
    }))
  }

  stop(): void {
    this.#stop.abort()
  }

  /**
   * Sends a request and decodes its result; `decode` throws when the result has not the shape it must have, which
   * counts as a failure of the provider. Rejects with `ChainError` `CHAIN_UNAVAILABLE`, `CHAIN_WRONG_ID`,
   * `CHAIN_CALL_REVERTED` or `CHAIN_RPC_ERROR`.
   */
  async request<T>(method: string, params: readonly unknown[], decode: (result: unknown) => T): Promise<T> {
    const deadlineMs = this.#clock.monotonic() + this.#timeoutMs
    let last: RpcFailure = { kind: 'away', reason: 'No provider is configured' }
    let wrong = 0
    for (let round = 0; ; round++) {
      wrong = 0
      for (const slot of this.#order(round)) {
        if (this.#stop.signal.aborted) throw this.#stopped(method)
        try {
          await this.#check(slot)
          if (slot.chainId !== this.#chainId) {
            wrong += 1
            continue
          }
          return await this.#attempt(slot, method, params, decode)
        } catch (error) {
          last = failureOf(error)
          if (last.kind === 'reverted' || last.kind === 'refused') throw this.#final(method, last)
        }
      }
      if (this.#slots.length > 0 && wrong === this.#slots.length) throw this.#wrongId()
      const pauseMs = this.#pause()
      if (last.kind === 'lacking' || round >= 2 || this.#clock.monotonic() + pauseMs >= deadlineMs) break
      await this.#sleep(pauseMs)
    }
    if (this.#stop.signal.aborted) throw this.#stopped(method)
    throw this.#final(method, last)
  }

  /**
   * Sends a request to one provider, once: nobody else answers in its place, and one that rests is not asked. Rejects
   * as `request` does.
   */
  async requestFrom<T>(
    provider: number,
    method: string,
    params: readonly unknown[],
    decode: (result: unknown) => T,
  ): Promise<T> {
    const slot = this.#slots[provider]
    if (slot === undefined) throw this.#final(method, { kind: 'away', reason: `No provider ${provider}` })
    if (this.#stop.signal.aborted) throw this.#stopped(method)
    if (slot.coolUntilMs > this.#clock.monotonic())
      throw this.#final(method, {
        kind: slot.limited ? 'limited' : 'away',
        reason: 'It rests after failures',
      })
    try {
      await this.#check(slot)
      if (slot.chainId === this.#chainId) return await this.#attempt(slot, method, params, decode, RESERVE)
    } catch (error) {
      if (this.#stop.signal.aborted) throw this.#stopped(method)
      throw this.#final(method, failureOf(error))
    }
    throw this.#wrongId()
  }

  /**
   * Asks the providers that nobody has asked yet, or that failed and have rested, whether they are there: a spare with
   * a wrong URL shows before it is needed, and one that is back is known to be. Never rejects.
   */
  async probe(): Promise<void> {
    const now = this.#clock.monotonic()
    const doubtful = this.#slots.filter((slot) => slot.chainId !== this.#chainId && slot.coolUntilMs <= now)
    await Promise.allSettled(doubtful.map((slot) => this.#check(slot)))
  }

  /**
   * Well ones first, in turn or in order of preference, those with budget left before the others; then resting ones,
   * soonest first; rate-limited ones not while they rest.
   */
  #order(round: number): readonly Slot[] {
    const now = this.#clock.monotonic()
    const well = this.#inTurn(this.#slots.filter((slot) => slot.coolUntilMs <= now)).toSorted(
      (a, b) => Number(a.budget.spent) - Number(b.budget.spent),
    )
    const resting = this.#slots
      .filter((slot) => slot.coolUntilMs > now && !slot.limited)
      .toSorted((a, b) => a.coolUntilMs - b.coolUntilMs)
    return round === 0 || well.length === 0 ? [...well, ...resting] : well
  }

  /** Smooth weighted round robin: every provider has its share, and turns are spread evenly. */
  #inTurn(slots: readonly Slot[]): readonly Slot[] {
    if (!this.#weighted || slots.length < 2) return slots
    let total = 0
    for (const slot of slots) {
      slot.turn += slot.weight
      total += slot.weight
    }
    const first = slots.reduce((best, slot) => (slot.turn > best.turn ? slot : best))
    first.turn -= total
    return [first, ...slots.filter((slot) => slot !== first)]
  }

  /** Waits for the provider's budget; longer than one request may take is no use to anybody. */
  async #withinBudget(slot: Slot, reserve: number): Promise<void> {
    const began = this.#clock.monotonic()
    for (;;) {
      const waited = this.#clock.monotonic() - began
      // Who is patient waits for its turn, but not for ever.
      const waitMs = slot.budget.take(waited < this.#timeoutMs / 4 ? reserve : 0)
      if (waitMs === 0) return
      if (waited + waitMs > this.#timeoutMs || this.#stop.signal.aborted)
        throw new RpcFailureError({ kind: 'limited', reason: 'The budget that you set for it is spent' })
      this.#instruments.throttled.inc({ chain: this.#chainId, provider: slot.index })
      await this.#sleep(waitMs)
    }
  }

  #pause(): number {
    if (this.#slots.some((slot) => !slot.limited)) return ROUND_PAUSE_MS
    const soonest = Math.min(...this.#slots.map((slot) => slot.coolUntilMs))
    return Math.max(ROUND_PAUSE_MS, soonest - this.#clock.monotonic())
  }

  async #sleep(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(delayMs, done)
      const signal = this.#stop.signal
      function done(): void {
        timer.cancel()
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done)
    })
  }

  /** Reads the provider's chain id once, and again after it was away. */
  async #check(slot: Slot): Promise<void> {
    if (slot.chainId === this.#chainId) return
    if (slot.chainId !== null && slot.coolUntilMs > this.#clock.monotonic()) return
    slot.checking ??= this.#attempt(slot, 'eth_chainId', [], (result) => {
      const id = Number(result)
      if (typeof result !== 'string' || !Number.isSafeInteger(id)) throw new TypeError('Not a chain id')
      return id
    })
      .then((id) => {
        slot.chainId = id
        if (id === this.#chainId) return
        slot.coolUntilMs = this.#clock.monotonic() + LIMITED_CAP_MS
        this.#log.error(
          { chain: this.#chainId, provider: slot.index, serves: id },
          'Correct the RPC URL of this provider: it serves another chain',
        )
      })
      .finally(() => {
        slot.checking = null
      })
    await slot.checking
  }

  async #attempt<T>(
    slot: Slot,
    method: string,
    params: readonly unknown[],
    decode: (result: unknown) => T,
    reserve = 0,
  ): Promise<T> {
    await this.#withinBudget(slot, reserve)
    const labels = { chain: this.#chainId, provider: slot.index }
    const start = this.#clock.monotonic()
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#timeoutMs)])
    let outcome = 'ok'
    try {
      const value = decoded(await slot.provider.request(method, params, signal), decode)
      this.#recovered(slot)
      return value
    } catch (error) {
      const failure = failureOf(error)
      outcome = failure.kind
      if (failure.kind === 'away' || failure.kind === 'limited') this.#failed(slot, method, failure)
      else this.#recovered(slot)
      throw new RpcFailureError(failure)
    } finally {
      this.#instruments.requests.inc({ ...labels, method, outcome })
      this.#instruments.duration.observe((this.#clock.monotonic() - start) / 1000, labels)
    }
  }

  #recovered(slot: Slot): void {
    if (slot.failures > 0)
      this.#log.info({ chain: this.#chainId, provider: slot.index }, 'Chain provider is back')
    slot.failures = 0
    slot.limited = false
    slot.coolUntilMs = Number.NEGATIVE_INFINITY
    this.#instruments.up.set(1, { chain: this.#chainId, provider: slot.index })
  }

  #failed(slot: Slot, method: string, failure: RpcFailure): void {
    if (this.#stop.signal.aborted) return
    const growth = 2 ** Math.min(slot.failures, 16)
    slot.failures += 1
    slot.limited = failure.kind === 'limited'
    const restMs = slot.limited
      ? Math.min(LIMITED_CAP_MS, failure.retryAfterMs ?? LIMITED_BASE_MS * growth)
      : Math.min(FAILURE_CAP_MS, FAILURE_BASE_MS * growth)
    slot.coolUntilMs = this.#clock.monotonic() + restMs
    // Another process may answer at this address next time.
    slot.chainId = null
    this.#instruments.up.set(0, { chain: this.#chainId, provider: slot.index })
    const fields = { chain: this.#chainId, provider: slot.index, method, reason: failure.reason, restMs }
    if (slot.failures === 1) this.#log.warn(fields, 'Rest a chain provider that failed')
    else this.#log.debug(fields, 'Rest a chain provider that still fails')
  }

  #final(method: string, failure: RpcFailure): ChainError {
    const { reason, rpcCode, data } = failure
    const facts = { chainId: this.#chainId, method, reason, ...(rpcCode === undefined ? {} : { rpcCode }) }
    if (failure.kind === 'reverted') {
      return new ChainError('CHAIN_CALL_REVERTED', `Call reverted: ${reason}`, {
        data: { ...facts, data: data ?? '0x' },
      })
    }
    if (failure.kind === 'refused' || (failure.kind === 'lacking' && rpcCode === -32601)) {
      return new ChainError('CHAIN_RPC_ERROR', `Chain ${this.#chainId} refused ${method}: ${reason}`, {
        data: facts,
      })
    }
    return new ChainError(
      'CHAIN_UNAVAILABLE',
      `Check the RPC providers of chain ${this.#chainId}: none answered ${method} (${reason})`,
      { data: facts, retry: true },
    )
  }

  #wrongId(): ChainError {
    const serves = [...new Set(this.#slots.map((slot) => slot.chainId))].join(', ')
    return new ChainError(
      'CHAIN_WRONG_ID',
      `Correct the RPC URLs of chain ${this.#chainId}: its providers serve chain ${serves}`,
      { data: { chainId: this.#chainId, reason: `serves ${serves}` } },
    )
  }

  #stopped(method: string): ChainError {
    return new ChainError('CHAIN_STOPPED', 'Start the node again: its chain access was stopped', {
      data: { chainId: this.#chainId, method },
      retry: true,
    })
  }
}

function decoded<T>(result: unknown, decode: (result: unknown) => T): T {
  try {
    return decode(result)
  } catch {
    throw new RpcFailureError({ kind: 'away', reason: 'Answer has not the shape that it must have' })
  }
}
