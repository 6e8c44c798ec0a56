import type { ChainEvent } from '../../../node/ports/events.ts'

/** What a consumer that keeps a list of events believes, chain by chain. */
export class Fold {
  readonly heard: ChainEvent[] = []
  readonly #live = new Map<string, ChainEvent>()
  readonly #done = new Set<string>()

  readonly take = async (event: ChainEvent): Promise<void> => {
    this.heard.push(event)
    if (this.#done.has(event.key)) return
    this.#done.add(event.key)
    const place = `${event.chainId}-${event.blockHash}-${event.logIndex}`
    if (event.stage === 'reverted') this.#live.delete(place)
    else this.#live.set(place, event)
  }

  of(chainId: number): readonly string[] {
    return [...this.#live.values()]
      .filter((event) => event.chainId === chainId)
      .sort((a, b) => Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex)
      .map(({ blockNumber, name }) => `${blockNumber}/${name}`)
  }
}
