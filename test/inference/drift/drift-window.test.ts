import { describe, expect, test } from 'vitest'
import { DRIFT_DEFAULTS, DriftWindow } from '../../../node/inference/drift/drift-window.ts'
import { psi } from '../../../node/inference/drift/psi.ts'
import { binOf, quantileBins } from '../../../node/inference/drift/quantile-bins.ts'
import { type Reference, referenceFaults, referenceSchema } from '../../../node/inference/drift/reference.ts'
import type { Tensors } from '../../../node/ports/tensor.ts'

/** Seeded, uniform in [0, 1) (mulberry32). */
function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
/** Twelve uniform ones less six: about normal. */
const normal = (draw: () => number) => () => Array.from({ length: 12 }, draw).reduce((a, b) => a + b) - 6

describe('the index', () => {
  test('is that of the textbook, up to the smoothing', () => {
    // Ten per cent against twenty, ninety against eighty: (0.1 ln 2) + (-0.1 ln(8/9)).
    expect(psi([100_000, 900_000], [200_000, 800_000])).toBeCloseTo(
      0.1 * Math.log(2) - 0.1 * Math.log(8 / 9),
      5,
    )
    expect(psi([5, 5], [5, 5])).toBe(0)
    expect(psi([3, 9, 1], [30, 4, 2])).toBeCloseTo(psi([30, 4, 2], [3, 9, 1]), 12)
  })

  test('is finite where a bin is empty', () => {
    expect(psi([10, 0], [0, 10])).toBeGreaterThan(1)
    expect(psi([10, 0], [0, 10])).toBeLessThan(10)
    expect(Number.isFinite(psi([0, 7], [0, 0]))).toBe(true)
  })
})

describe('bins of a sample', () => {
  test('hold equal shares', () => {
    const { edges, counts } = quantileBins(Float64Array.from({ length: 1_000 }, (_, i) => 999 - i))
    expect(edges).toHaveLength(9)
    for (const count of counts) expect(Math.abs(count - 100)).toBeLessThanOrEqual(1)
  })

  test('give many equal values a bin to themselves', () => {
    const atoms = (...values: number[]) =>
      Float32Array.from({ length: 1_000 }, (_, i) => values[i % values.length] ?? 0)
    expect(quantileBins(atoms(0, 0, 0, 0, 1))).toEqual({ edges: ['0.5'], counts: [800, 200] })
    // All at its greatest: what is below is seen.
    expect(quantileBins(atoms(1, 1, 1, 1, 1, 1, 1, 1, 1, 0.5)).counts).toEqual([100, 900])
    expect(quantileBins(atoms(Math.log(2), 0)).counts).toEqual([500, 500])
    expect(quantileBins(Float64Array.of(7, 7))).toEqual({ edges: ['6.993', '7.007'], counts: [0, 2, 0] })
  })

  test.each([
    [1e-9, 1.0000001e-9],
    [-2.5e-30, 2.5e-30],
    [123456789, 123456790],
    [-0.3, -0.1],
    [1e300, 1e301],
    [0, 5e-324],
    [1, 1 + 2 ** -52],
    [-1e-3, 1e16],
  ])('between %d and %d are written so that a digest can bind them', (below, above) => {
    const values = Float64Array.from({ length: 100 }, (_, i) => (i < 50 ? below : above))
    const column = { name: 'x', ...quantileBins(values) }
    expect(
      referenceSchema.safeParse({ inputs: [{ tensor: 'x', columns: [column] }], outputs: [] }).success,
    ).toBe(true)
    expect(column.counts.reduce((sum, count) => sum + count)).toBe(100)
  })

  test('have their edges inside', () => {
    const edges = Float64Array.of(-1, 0, 5)
    expect([-2, -1, -0.5, 0, 5, 5.1].map((value) => binOf(edges, value))).toEqual([0, 0, 1, 1, 2, 3])
  })
})

/** Two features that are normal, and an output that is uniform. */
function sample(seed: number, rows: number, { shift = 0, scale = 1 } = {}) {
  const draw = uniform(seed)
  const gauss = normal(draw)
  const x = Float32Array.from({ length: rows * 2 }, (_, i) =>
    i % 2 === 0 ? gauss() * scale + shift : gauss(),
  )
  const y = Float32Array.from({ length: rows }, draw)
  return { x, y }
}
const tensors = ({ x, y }: ReturnType<typeof sample>): { inputs: Tensors; outputs: Tensors } => ({
  inputs: { x: { type: 'float32', shape: [x.length / 2, 2], data: x } },
  outputs: { y: { type: 'float32', shape: [y.length, 1], data: y } },
})
function referenceOf({ x, y }: ReturnType<typeof sample>): Reference {
  const column = (name: string, values: Float32Array) => {
    const { edges, counts } = quantileBins(values)
    return { name, edges: [...edges], counts: [...counts] }
  }
  const [a, b] = [0, 1].map((rest) => x.filter((_, i) => i % 2 === rest)) as [Float32Array, Float32Array]
  return {
    inputs: [{ tensor: 'x', columns: [column('a', a), column('b', b)] }],
    outputs: [{ tensor: 'y', columns: [column('y', y)] }],
  }
}
const reference = referenceOf(sample(1, 20_000))
const small = { ...DRIFT_DEFAULTS, windowRows: 2_000 }

/** Runs of a few rows each. */
function feed(window: DriftWindow, of: ReturnType<typeof sample>, { at = 0, perRun = 10 } = {}) {
  for (let row = 0; row < of.y.length; row += perRun) {
    const { inputs, outputs } = tensors({
      x: of.x.slice(row * 2, (row + perRun) * 2),
      y: of.y.slice(row, row + perRun),
    })
    window.observe(inputs, outputs, Math.min(perRun, of.y.length - row), at)
  }
}
const indexOf = (window: DriftWindow, now = 0) =>
  Object.fromEntries(window.read(now).readings.map(({ name, psi: index }) => [name, index]))

describe('a window', () => {
  test('says nothing of few rows', () => {
    const window = new DriftWindow(reference, small)
    feed(window, sample(2, 490))
    expect(window.read(0)).toEqual({ rows: 490, readings: [] })
    feed(window, sample(3, 10))
    expect(window.read(0).readings).toHaveLength(3)
  })

  test.each([11, 12, 13, 14, 15])('of what the reference is of stays below 0.1 (seed %i)', (seed) => {
    const window = new DriftWindow(reference, small)
    feed(window, sample(seed, 600))
    for (const index of Object.values(indexOf(window))) expect(index).toBeLessThan(0.1)
  })

  test('of shifted data crosses the threshold, in that column alone', () => {
    const window = new DriftWindow(reference, small)
    feed(window, sample(2, 1_000, { shift: 1 }))
    const found = indexOf(window)
    expect(found.a).toBeGreaterThan(0.25)
    expect(found.b).toBeLessThan(0.1)
    expect(found.y).toBeLessThan(0.1)
    const wider = new DriftWindow(reference, small)
    feed(wider, sample(2, 1_000, { scale: 3 }))
    expect(indexOf(wider).a).toBeGreaterThan(0.25)
  })

  test('forgets by count', () => {
    const window = new DriftWindow(reference, small)
    feed(window, sample(2, 2_000, { shift: 3 }))
    expect(indexOf(window).a).toBeGreaterThan(1)
    feed(window, sample(3, 2_200))
    expect(indexOf(window).a).toBeLessThan(0.1)
    expect(window.read(0).rows).toBeLessThanOrEqual(2_000)
  })

  test('forgets by time', () => {
    const window = new DriftWindow(reference, small)
    feed(window, sample(2, 600, { shift: 3 }))
    const [day, hour] = [24 * 3_600_000, 3_600_000]
    expect(window.read(day).rows).toBe(600)
    expect(window.read(day + 1)).toEqual({ rows: 0, readings: [] })
    feed(window, sample(3, 600), { at: day + hour })
    expect(indexOf(window, day + hour).a).toBeLessThan(0.1)
  })

  test('looks at a sample of a large run, evenly', () => {
    const window = new DriftWindow(reference, { ...small, windowRows: 100_000 })
    feed(window, sample(5, 60_000), { perRun: 6_000 })
    // 1,024 values of two columns are every twelfth row of 6,000.
    expect(window.read(0).rows).toBe(5_000)
    for (const index of Object.values(indexOf(window))) expect(index).toBeLessThan(0.02)
  })

  test('says nothing of a column whose reference is of few values, as if it were a window of few rows', () => {
    const column = (name: string, ...counts: number[]) => ({ name, edges: ['6.993', '7.007'], counts })
    const few = [column('one', 0, 1, 0), column('enough', 0, 200, 0)]
    const window = new DriftWindow({ inputs: [{ tensor: 'x', columns: few }], outputs: [] }, small)
    const data = new Float32Array(200).fill(7)
    for (let i = 0; i < 6; i++) window.observe({ x: { type: 'float32', shape: [100, 2], data } }, {}, 100, 0)
    expect(window.read(0).readings.map(({ name }) => name)).toEqual(['enough'])
    expect(indexOf(window).enough).toBeLessThan(0.02)
  })

  test('takes every type of numbers, and a whole tensor as one column', () => {
    const one = { tensor: 'x', columns: [{ name: 'x', edges: ['0'], counts: [500, 500] }] }
    const data = {
      float64: Float64Array.of(-1, 1),
      float16: Uint16Array.of(0xbc00, 0x3c00),
      int64: BigInt64Array.of(-1n, 1n),
      int32: Int32Array.of(-1, 1),
    }
    for (const [type, values] of Object.entries(data)) {
      const window = new DriftWindow({ inputs: [one], outputs: [] }, { ...small, leastRows: 1 })
      window.observe({ x: { type, shape: [1, 2], data: values } as never }, {}, 1, 0)
      const [reading] = window.read(0).readings
      expect(reading?.psi, type).toBeCloseTo(0, 2)
    }
  })
})

describe('a reference', () => {
  const ports = {
    inputs: [{ name: 'x', type: 'float32', shape: [null, 2] }],
    outputs: [{ name: 'y', type: 'string', shape: [null, 1] }],
  }
  const column = { name: 'a', edges: ['0', '1'], counts: [1, 2, 3] }

  test.each([
    ['edges that do not ascend', { ...column, edges: ['1', '0'] }],
    ['too few counts', { ...column, counts: [1, 2] }],
    ['counts of nothing', { ...column, counts: [0, 0, 0] }],
    ['a number with a fraction', { ...column, edges: [0, 0.5] }],
    ['an exponent', { ...column, edges: ['0', '1e3'] }],
    ['NaN', { ...column, edges: ['NaN', '1'] }],
    ['a count of NaN', { ...column, counts: [1, Number.NaN, 3] }],
    ['a bin of no width', { ...column, edges: ['1', '1'] }],
    ['a bin that no double fits into', { ...column, edges: ['0.1', '0.10000000000000001'] }],
    ['no edge', { ...column, edges: [], counts: [1] }],
  ])('is refused with %s', (_, wrong) => {
    const of = (each: object) => ({ inputs: [{ tensor: 'x', columns: [each] }], outputs: [] })
    expect(referenceSchema.safeParse(of(column)).success).toBe(true)
    expect(referenceSchema.safeParse(of(wrong)).success).toBe(false)
  })

  test('fits the tensors of its model', () => {
    const of = (tensor: string, ...names: string[]) => ({
      inputs: [{ tensor, columns: names.map((name) => ({ ...column, name })) }],
      outputs: [],
    })
    expect(referenceFaults(of('x', 'a', 'b'), ports)).toEqual([])
    expect(referenceFaults(of('x', 'a'), ports)).toEqual([])
    expect(referenceFaults(of('x', 'a', 'b', 'c'), ports)).toHaveLength(1)
    expect(referenceFaults(of('x', 'a', 'a'), ports)).toHaveLength(1)
    expect(referenceFaults(of('z', 'a'), ports)).toHaveLength(1)
    expect(referenceFaults({ inputs: [], outputs: of('y', 'a').inputs }, ports)).toHaveLength(1)
  })
})
