import type { Input } from './machine/effects.ts'

/** Per peer. A round takes a handful of messages; anybody further behind catches up by certificate. */
const MAX_MESSAGES = 256
/** One turn of the event loop: then sockets and timers have theirs. */
const TURN_MESSAGES = 64
const TURN_BYTES = 1024 * 1024

type MessageInput = Extract<Input, { type: 'message' }>
type OwnInput = Exclude<Input, MessageInput>

interface Waiting {
  readonly messages: MessageInput[]
  bytes: number
}

/**
 * The machine's door: one input at a time. What this node itself owes the machine goes first; peers take turns, one
 * message each, and what of a peer's waits is bounded, so that whoever floods only loses messages of its own. Below
 * `TURN_MESSAGES` a turn nothing waits at all.
 */
export class Inbox {
  readonly #step: (input: Input) => void
  readonly #later: (run: () => void) => void
  readonly #onDrop: (from: number) => void
  readonly #maxBytes: number
  readonly #own: OwnInput[] = []
  /** Peers with messages that wait; the first is served next, and goes to the end. */
  readonly #peers = new Map<number, Waiting>()
  #busy = true
  #turnMessages = 0
  #turnBytes = 0
  #turnEnds = false

  /** Closed: what comes waits for `open`. */
  constructor(
    options: { readonly maxMessageBytes: number },
    modules: {
      readonly step: (input: Input) => void
      /** Runs in the next turn of the event loop. */
      readonly later: (run: () => void) => void
      /** A message of this peer was too much. */
      readonly onDrop: (from: number) => void
    },
  ) {
    // One of the largest, and some small ones beside it.
    this.#maxBytes = options.maxMessageBytes + TURN_BYTES
    this.#step = modules.step
    this.#later = modules.later
    this.#onDrop = modules.onDrop
  }

  open(): void {
    this.#busy = false
    this.#run()
  }

  add(input: Input): void {
    if (input.type === 'message') this.#keep(input)
    else this.#own.push(input)
    if (!this.#busy) this.#run()
  }

  clear(): void {
    this.#own.length = 0
    this.#peers.clear()
  }

  #keep(input: MessageInput): void {
    const waiting = this.#peers.get(input.from) ?? { messages: [], bytes: 0 }
    this.#peers.set(input.from, waiting)
    waiting.messages.push(input)
    waiting.bytes += input.bytes.length
    // The oldest is the likeliest to be of a round that is over.
    while (waiting.messages.length > MAX_MESSAGES || waiting.bytes > this.#maxBytes) {
      waiting.bytes -= waiting.messages.shift()?.bytes.length ?? 0
      this.#onDrop(input.from)
    }
  }

  /** Effects of a step may add inputs, which then wait their turn. */
  #run(): void {
    this.#busy = true
    for (let input = this.#next(); input !== undefined; input = this.#next()) this.#step(input)
    this.#busy = false
  }

  #next(): Input | undefined {
    return this.#own.shift() ?? this.#nextMessage()
  }

  #nextMessage(): MessageInput | undefined {
    const [entry] = this.#peers
    if (entry === undefined) return undefined
    this.#endTurn()
    if (this.#turnMessages >= TURN_MESSAGES || this.#turnBytes >= TURN_BYTES) return undefined
    const [from, waiting] = entry
    this.#peers.delete(from)
    const input = waiting.messages.shift()
    if (input === undefined) return undefined
    if (waiting.messages.length > 0) this.#peers.set(from, waiting)
    waiting.bytes -= input.bytes.length
    this.#turnMessages += 1
    this.#turnBytes += input.bytes.length
    return input
  }

  /** The first message of a turn sees to it that the next turn begins anew. */
  #endTurn(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    this.#later(() => {
      this.#turnEnds = false
      this.#turnMessages = 0
      this.#turnBytes = 0
      if (!this.#busy) this.#run()
    })
  }
}
