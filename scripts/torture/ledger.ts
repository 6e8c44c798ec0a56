import type { ChainEvent } from '../../node/ports/events.ts'
import { Difference, differing } from './difference.ts'
import { canonical, type TrueLog, textOf } from './truth.ts'

/** What a consumer that keeps books believes: told once more, an event changes nothing. */
export class Ledger {
  readonly name: string
  readonly #exact: boolean
  readonly #live = new Map<string, TrueLog>()
  readonly #keys = new Set<string>()
  readonly #newest = new Map<number, bigint>()
  #deliveries = 0
  #again = 0
  #trouble: Difference | null = null

  /** @param options.exact its handler never fails: each notice comes to it once, in order */
  constructor(name: string, options: { readonly exact: boolean }) {
    this.name = name
    this.#exact = options.exact
  }

  take(event: ChainEvent): void {
    const { chainId, blockNumber, blockHash, logIndex, name, seq, key } = event
    this.#deliveries++
    const again = this.#keys.has(key)
    this.#keys.add(key)
    if (again) this.#again++
    const before = this.#newest.get(chainId) ?? -1n
    if (this.#exact && (again || seq <= before))
      this.#refuse(event, `came ${again ? 'again' : 'out of order'}`)
    if (seq > before) this.#newest.set(chainId, seq)
    if (again) return
    const place = `${chainId}-${blockHash}-${logIndex}`
    const known = this.#live.has(place)
    if ((event.stage === 'reverted') !== known)
      this.#refuse(event, known ? 'was told twice, under two keys' : 'was taken back and never told')
    if (event.stage === 'reverted') this.#live.delete(place)
    else
      this.#live.set(place, {
        ...{ chainId, blockNumber, blockHash, logIndex, name },
        data: canonical(event.data),
      })
  }

  /** Told so far, and how many of them once more. */
  counts(): { readonly deliveries: number; readonly again: number } {
    return { deliveries: this.#deliveries, again: this.#again }
  }

  /** Null when it believes exactly this. */
  against(wanted: readonly TrueLog[]): Difference | null {
    if (this.#trouble !== null) return this.#trouble
    const found = differing(
      { name: `consumer ${this.name}`, rows: [...this.#live.values()].map(textOf) },
      { name: 'chain', rows: wanted.map(textOf) },
    )
    if (found === null) return null
    return new Difference(
      `consumer ${this.name}`,
      `consumer ${this.name} believes in ${this.#live.size} events, the chain has ${wanted.length}`,
      found,
    )
  }

  #refuse({ key, seq, name }: ChainEvent, what: string): void {
    this.#trouble ??= new Difference(`consumer ${this.name}`, `${name} ${what}`, [`key ${key}, seq ${seq}`])
  }
}
