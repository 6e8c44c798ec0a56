import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'

export interface NetworkConditions {
  minDelayMs: number
  maxDelayMs: number
  loss: number
  duplicate: number
  /** False: nothing gets through. */
  link(from: number, to: number): boolean
  /** False: this message is lost, whatever the link is like. */
  spares(to: number, bytes: Uint8Array): boolean
}

/** Messages on their way from one peer to another: what a transport's queue for a peer holds. */
const IN_FLIGHT = 256

interface NetworkModules {
  readonly schedule: Schedule
  readonly random: Random
  /** `half`: of a receiver that runs two machines, which. */
  readonly deliver: (from: number, to: number, half: number, bytes: Uint8Array) => void
}

/** Delays at random (and so reorders), loses, duplicates, cuts links; knows the sender, as an authenticated transport does. */
export class Network implements NetworkConditions {
  minDelayMs: number
  maxDelayMs: number
  loss: number
  duplicate: number
  link: (from: number, to: number) => boolean
  spares: (to: number, bytes: Uint8Array) => boolean
  /** Messages that found a queue full. */
  overflows = 0
  readonly #modules: NetworkModules
  readonly #inFlight = new Map<number, number>()

  constructor(conditions: Partial<NetworkConditions>, modules: NetworkModules) {
    this.minDelayMs = conditions.minDelayMs ?? 1
    this.maxDelayMs = conditions.maxDelayMs ?? 15
    this.loss = conditions.loss ?? 0
    this.duplicate = conditions.duplicate ?? 0
    this.link = conditions.link ?? (() => true)
    this.spares = conditions.spares ?? (() => true)
    this.#modules = modules
  }

  send(
    from: number,
    to: number,
    bytes: Uint8Array,
    options: { readonly half: number; readonly delayMs: number },
  ): void {
    const { schedule, random, deliver } = this.#modules
    const link = from * 32 + to
    const copies = random.chance(this.duplicate) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      if (random.chance(this.loss) || !this.link(from, to) || !this.spares(to, bytes)) continue
      const waiting = this.#inFlight.get(link) ?? 0
      if (waiting >= IN_FLIGHT) {
        this.overflows++
        continue
      }
      this.#inFlight.set(link, waiting + 1)
      schedule.at(options.delayMs + random.between(this.minDelayMs, this.maxDelayMs), () => {
        this.#inFlight.set(link, (this.#inFlight.get(link) ?? 1) - 1)
        if (this.link(from, to)) deliver(from, to, options.half, bytes)
      })
    }
  }
}
