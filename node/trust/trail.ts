import type { AgreedPlace, AgreementStore } from '../ports/agreement-store.ts'
import type { Hex } from '../ports/chain.ts'

/** Places that are kept: how far a reorganisation below the agreed block can be followed without beginning anew. */
const LENGTH = 64

/** How far a chain is agreed on, and the places on the way there, newest first. */
export class Trail {
  readonly #chainId: number
  #scope: Hex | null = null
  readonly #store: AgreementStore
  #places: readonly AgreedPlace[] = []
  #saved: AgreedPlace | null = null

  constructor({ chainId }: { readonly chainId: number }, store: AgreementStore) {
    this.#chainId = chainId
    this.#store = store
  }

  get newest(): AgreedPlace | null {
    return this.#places[0] ?? null
  }

  /** Goes on where an earlier run with this scope was. False when that is what is under way already. Rejects as the store does. */
  async enter(scope: Hex): Promise<boolean> {
    if (this.#scope === scope) return false
    this.#places = await this.#store.load(this.#chainId, scope)
    this.#scope = scope
    this.#saved = this.newest
    return true
  }

  add(place: AgreedPlace): void {
    this.#places = [place, ...this.#places].slice(0, LENGTH)
  }

  /** Takes back the newest place, or all above a block. */
  back(above?: bigint): void {
    this.#places =
      above === undefined ? this.#places.slice(1) : this.#places.filter(({ number }) => number <= above)
  }

  at(number: bigint): AgreedPlace | null {
    return this.#places.find((place) => place.number === number) ?? null
  }

  /** Rejects as the store does. */
  async save(): Promise<void> {
    const newest = this.newest
    if (newest === this.#saved || this.#scope === null) return
    await this.#store.save(this.#chainId, this.#scope, this.#places)
    this.#saved = newest
  }
}
