/** Seeded generator (xorshift128+, Vigna 2014), for simulations only. */
export class Random {
  #a: bigint
  #b: bigint

  constructor(seed: number) {
    this.#a = BigInt(seed) * 0x9e3779b97f4a7c15n + 1n
    this.#b = BigInt(seed) * 0xbf58476d1ce4e5b9n + 2n
    for (let i = 0; i < 16; i++) this.next()
  }

  /** In [0, 1). */
  next(): number {
    const mask = 0xffffffffffffffffn
    let x = this.#a & mask
    const y = this.#b & mask
    this.#a = y
    x = (x ^ (x << 23n)) & mask
    this.#b = x ^ y ^ (x >> 17n) ^ (y >> 26n)
    return Number((this.#b + y) & 0x1fffffffffffffn) / 2 ** 53
  }

  between(min: number, max: number): number {
    return min + this.next() * (max - min)
  }

  integer(below: number): number {
    return Math.floor(this.next() * below)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.integer(256))
  }
}
