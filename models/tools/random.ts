/** Seeded generator of simulations: SFC32 (Chris Doty-Humphrey's PractRand), the same numbers everywhere. */
export class Random {
  readonly #state: Uint32Array

  constructor(seed: number) {
    this.#state = Uint32Array.of(seed, 0x9e3779b9, 0x243f6a88, 1)
    for (let i = 0; i < 16; i++) this.#next()
  }

  #next(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state
    const out = (a + b + d) >>> 0
    this.#state.set([b ^ (b >>> 9), c + (c << 3), ((c << 21) | (c >>> 11)) + out, d + 1])
    return out
  }

  /** Uniform in (0, 1). */
  unit(): number {
    return (this.#next() + 0.5) / 2 ** 32
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.unit()
  }

  /** A whole number from low to high, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  logUniform(low: number, high: number): number {
    return Math.exp(this.between(Math.log(low), Math.log(high)))
  }

  exponential(mean: number): number {
    return -mean * Math.log(this.unit())
  }

  /** Standard normal (Box and Muller 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.unit())) * Math.cos(2 * Math.PI * this.unit())
  }

  /** Log-normal of this median; `sigma` is the standard deviation of the log. */
  logNormal(median: number, sigma: number): number {
    return median * Math.exp(sigma * this.normal())
  }

  pick<T>(from: readonly T[]): T {
    const chosen = from[Math.floor(this.unit() * from.length)]
    if (chosen === undefined) throw new RangeError('nothing to pick from')
    return chosen
  }
}
