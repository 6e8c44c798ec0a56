import type { MachineOptions } from '../../../node/quorum/machine/core.ts'
import type { Message, MessageKind, MessageOf } from '../../../node/quorum/messages.ts'
import type { SimNode } from './node.ts'
import type { Random } from './random.ts'

/**
 * How a node deviates from the protocol. It runs the machine like everybody else; a behaviour changes what goes in and
 * what comes out, and adds what it likes. What it can't do is sign for somebody who is no liar.
 */
export interface Behaviour {
  /** What it is up to, for the trace. */
  readonly about?: string
  /** Another configuration than the others'. */
  options?(options: MachineOptions): MachineOptions
  /** Its keys have no history: they sign anything. */
  readonly unguarded?: boolean
  /** Two machines with one identity, each with its own half of the peers (Twins: Bano et al. 2020). */
  readonly twins?: boolean
  /** What it observes instead; null: nothing. */
  observe?(node: SimNode, honest: Uint8Array, seqNr: bigint): Uint8Array | null
  /** Replaces what goes to one peer; an empty list sends nothing. */
  outgoing?(node: SimNode, to: number, bytes: Uint8Array, message: Message): readonly Uint8Array[]
  /** What it waits before it sends. */
  delayMs?(node: SimNode, to: number, message: Message): number
  /** Called now and then. */
  tick?(node: SimNode): void
}

export interface Heard<K extends MessageKind = MessageKind> {
  readonly from: number
  readonly bytes: Uint8Array
  readonly message: MessageOf<K>
}

/** What the liars have in common: their keys, what any of them heard, and whom to tell which story. */
export class Conspiracy {
  readonly members: ReadonlySet<number>
  /** Half of the world that each honest peer is shown. */
  readonly #side: number[]
  readonly #nodes: () => readonly SimNode[]
  readonly #random: Random

  constructor(
    members: ReadonlySet<number>,
    modules: { readonly n: number; readonly random: Random; readonly nodes: () => readonly SimNode[] },
  ) {
    this.members = members
    this.#random = modules.random
    this.#nodes = modules.nodes
    this.#side = new Array<number>(modules.n).fill(0)
  }

  /** 0 or 1: which of two stories this peer is told. */
  side(peer: number): number {
    return this.#side[peer] ?? 0
  }

  /** Divides the peers anew. With `evenly`, into halves. */
  divide(evenly = this.#random.chance(0.5)): void {
    const order = this.#random.shuffled(this.#side.map((_, i) => i).filter((i) => !this.members.has(i)))
    order.forEach((peer, i) => {
      this.#side[peer] = evenly ? i % 2 : this.#random.integer(2)
    })
  }

  divideAs(side: (peer: number) => number): void {
    for (let i = 0; i < this.#side.length; i++) this.#side[i] = side(i)
  }

  /** What any of them heard lately of one kind, oldest first for each of them. */
  heard<K extends MessageKind>(kind: K): Heard<K>[] {
    const out: Heard<K>[] = []
    for (const node of this.#nodes()) {
      if (this.members.has(node.index)) out.push(...node.memory.of(kind))
    }
    return out
  }

  /** Any one message of those. */
  anything(): Heard | undefined {
    const members = this.#nodes().filter(({ index }) => this.members.has(index))
    return this.#random.any(members)?.memory.any(this.#random)
  }
}

/** Messages of one kind that a liar remembers. */
const REMEMBERED = 24

/** What one liar heard lately, by kind. */
export class Memory {
  readonly #byKind = new Map<MessageKind, Heard[]>()

  add(heard: Heard): void {
    const { kind } = heard.message
    const known = this.#byKind.get(kind)
    if (known === undefined) this.#byKind.set(kind, [heard])
    else {
      known.push(heard)
      if (known.length > REMEMBERED) known.shift()
    }
  }

  of<K extends MessageKind>(kind: K): readonly Heard<K>[] {
    return (this.#byKind.get(kind) ?? []) as unknown as Heard<K>[]
  }

  any(random: Random): Heard | undefined {
    return random.any(random.any([...this.#byKind.values()]) ?? [])
  }
}
