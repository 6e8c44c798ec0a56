/** What can be counted, over all validators of a run. */
const COUNTERS = [
  'mode',
  'opened',
  'connected',
  'faults',
  'epochs',
  'lostFrames',
  'reconnects',
  'ed25519Sign',
  'ed25519Verify',
  'secp256k1Sign',
  'secp256k1Recover',
  'secp256k1Check',
  'payloadBytes',
  'wireBytes',
] as const
export type CounterName = (typeof COUNTERS)[number]

/** When leaders may begin a round: never, one at a time with a rest between, or as soon as they like. */
export const MODE = { held: 0, single: 1, free: 2 } as const

/** Message kinds are bytes; none is near this. */
const KINDS = 64
/** Rounds whose times are kept: more than any run has. */
const ROUNDS = 1 << 14

export interface BoardMemory {
  readonly n: number
  readonly duties: number
  readonly integers: SharedArrayBuffer
  readonly times: SharedArrayBuffer
}

/** Counters and times that the bench and the threads of its validators share; writing one costs some nanoseconds. */
export class Board {
  readonly memory: BoardMemory
  readonly #counters: Int32Array
  readonly #kinds: Int32Array
  readonly #attested: Int32Array
  readonly #startedAt: Float64Array
  readonly #attestedAt: Float64Array

  constructor(memory: BoardMemory) {
    const { n, duties, integers, times } = memory
    this.memory = memory
    this.#counters = new Int32Array(integers, 0, COUNTERS.length)
    this.#kinds = new Int32Array(integers, 4 * COUNTERS.length, KINDS)
    this.#attested = new Int32Array(integers, 4 * (COUNTERS.length + KINDS), duties * n)
    this.#startedAt = new Float64Array(times, 0, ROUNDS)
    this.#attestedAt = new Float64Array(times, 8 * ROUNDS, n * ROUNDS)
  }

  static create(n: number, duties: number): Board {
    const integers = new SharedArrayBuffer(4 * (COUNTERS.length + KINDS + duties * n))
    const times = new SharedArrayBuffer(8 * ROUNDS * (n + 1))
    return new Board({ n, duties, integers, times })
  }

  add(name: CounterName, by = 1): void {
    Atomics.add(this.#counters, COUNTERS.indexOf(name), by)
  }

  get(name: CounterName): number {
    return Atomics.load(this.#counters, COUNTERS.indexOf(name))
  }

  set mode(mode: number) {
    Atomics.store(this.#counters, COUNTERS.indexOf('mode'), mode)
  }

  get mode(): number {
    return this.get('mode')
  }

  /** One copy of a message of this kind. */
  sent(kind: number, bytes: number): void {
    Atomics.add(this.#kinds, kind % KINDS, 1)
    this.add('payloadBytes', bytes)
  }

  kinds(): number[] {
    return [...this.#kinds]
  }

  /** The leader of duty 0 begins a round. */
  started(seqNr: number): void {
    if (this.#startedAt[seqNr] === 0) this.#startedAt[seqNr] = now()
  }

  attested(duty: number, node: number): void {
    const seqNr = Atomics.add(this.#attested, duty * this.memory.n + node, 1) + 1
    if (duty === 0) this.#attestedAt[node * ROUNDS + seqNr] = now()
  }

  /** Rounds that every validator has seen attested. */
  rounds(duty: number): number {
    const { n } = this.memory
    return Math.min(...this.#attested.subarray(duty * n, duty * n + n))
  }

  /** Rounds of all duties. */
  allRounds(): number[] {
    return Array.from({ length: this.memory.duties }, (_, duty) => this.rounds(duty))
  }

  /** Milliseconds from a round's start to its attestation, by validator; of duty 0. */
  latencies(seqNr: number): number[] {
    const from = this.#startedAt[seqNr] ?? Number.NaN
    return Array.from(
      { length: this.memory.n },
      (_, node) => (this.#attestedAt[node * ROUNDS + seqNr] ?? Number.NaN) - from,
    )
  }
}

/** Milliseconds on a clock that all threads share. */
function now(): number {
  return performance.timeOrigin + performance.now()
}
