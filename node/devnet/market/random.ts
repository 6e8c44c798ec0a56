/** A seeded stream of random numbers; the same seed gives the same stream on every machine. */
export interface Random {
  /** In [0, 1). */
  uniform(): number
  /** Standard normal (Box and Muller 1958). */
  normal(): number
  exponential(mean: number): number
}

/** sfc32 (PractRand), seeded through splitmix32: small, fast and good enough for a simulated market. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const mix = () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
  let [a, b, c, counter] = [mix(), mix(), mix(), 1]
  const uniform = () => {
    const sum = (a + b + counter++) >>> 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) >>> 0
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0
    return sum / 2 ** 32
  }
  for (let warm = 0; warm < 12; warm++) uniform()
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    exponential: (mean) => -mean * Math.log(1 - uniform()),
  }
}
