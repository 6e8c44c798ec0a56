import type { Address } from '../../ports/chain.ts'
import type { Clock } from '../../ports/clock.ts'
import { quantityOf } from './decode.ts'
import type { ProviderPool } from './provider-pool.ts'

/** A provider may take this long to count a transaction that another one has mined. */
const LAG_MS = 15_000

/** Gives out the nonces of one account on one chain. Its user holds a lock from `next` to `took`. */
export class Nonces {
  readonly #address: Address
  readonly #pool: ProviderPool
  readonly #clock: Clock
  #next: number | null = null
  #minedAtMs = Number.NEGATIVE_INFINITY

  constructor(
    options: { readonly address: Address },
    modules: { readonly pool: ProviderPool; readonly clock: Clock },
  ) {
    this.#address = options.address
    this.#pool = modules.pool
    this.#clock = modules.clock
  }

  /** Transactions of the account in the chain, or in the chain and the provider's pool. */
  async count(tag: 'latest' | 'pending'): Promise<number> {
    return Number(await this.#pool.request('eth_getTransactionCount', [this.#address, tag], quantityOf))
  }

  /** The nonce to use next. With nothing in flight the chain is asked: somebody else may have used the account. */
  async next(inFlight: number): Promise<number> {
    if (this.#next !== null && inFlight > 0) return this.#next
    const pending = await this.count('pending')
    if (this.#next === null || this.#clock.monotonic() - this.#minedAtMs >= LAG_MS) return pending
    return Math.max(this.#next, pending)
  }

  /** The nonce to try after `taken` turned out to be somebody else's. */
  async after(taken: number): Promise<number> {
    return Math.max(await this.count('pending'), taken + 1)
  }

  took(nonce: number): void {
    this.#next = nonce + 1
  }

  mined(): void {
    this.#minedAtMs = this.#clock.monotonic()
  }
}
