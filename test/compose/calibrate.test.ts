import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawInputs } from '../../node/compose/models/calibrate/draw-inputs.ts'
import {
  extremesOf,
  FINER_DECIMALS,
  gapBetween,
  notBelow,
  propose,
} from '../../node/compose/models/calibrate/spread.ts'
import type { GoldenCase } from '../../node/inference/goldens.ts'
import { agree } from '../../node/inference/quantize.ts'
import type { Tensor, TensorPort } from '../../node/ports/tensor.ts'

const entry = (decimals = 6, type: 'float32' | 'int64' = 'float32') => ({
  quantization: { output: 'y', decimals },
  outputs: [{ name: 'y', type, shape: [null] }],
})
const FINE = 6 + FINER_DECIMALS

describe('a proposal', () => {
  it('any two answers of honest machines agree within half of it', () => {
    const value = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n })
    const noise = fc.bigInt({ min: -(10n ** 5n), max: 10n ** 5n })
    const machines = fc.array(fc.tuple(value, fc.array(noise, { minLength: 2, maxLength: 4 })), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(machines, (cells) => {
        const ways = [0, 1].map((way) => [cells.map(([base, off]) => base + (off[way] ?? 0n))])
        const { tolerance, decimals } = propose(extremesOf(ways), entry(), FINE)
        const per = 10n ** BigInt(FINE - decimals)
        const half = {
          absolute: BigInt(tolerance.absolute) / 2n,
          relativePpm: Math.floor(tolerance.relativePpm / 2),
        }
        const units = (fine: bigint) => (fine < 0n ? -((-fine + per / 2n) / per) : (fine + per / 2n) / per)
        for (const i of cells.keys()) {
          const [a = 0n, b = 0n] = ways.map((way) => units(way[0]?.[i] ?? 0n))
          // One unit of rounding beside.
          const near = a > b ? a - b : b - a
          expect(
            near <= 1n || agree(a, b, half) || agree(b, a, { ...half, relativePpm: half.relativePpm + 1 }),
          ).toBe(true)
        }
      }),
    )
  })

  it('is twice the spread, rounded up to two digits: small answers in units, large ones in ppm', () => {
    const small = [[[5_000_000n, 1_000_000n]], [[5_061_500n, 1_000_000n]]]
    expect(propose(extremesOf(small), entry(), FINE)).toEqual({
      ...{ decimals: 6, margin: '131' },
      // 61.5 units, counted as 62; twice that.
      tolerance: { absolute: '130', relativePpm: 0 },
    })
    const large = [[[10n ** 12n]], [[10n ** 12n + 123_400_000n]]]
    expect(propose(extremesOf(large), entry(), FINE).tolerance).toEqual({ absolute: '2', relativePpm: 250 })
  })

  it('of whole numbers that are the same is none', () => {
    const same = [[[7_000n]], [[7_000n]]]
    expect(propose(extremesOf(same), entry(6, 'int64'), FINE)).toEqual({
      ...{ decimals: 6, margin: '1', tolerance: { absolute: '0', relativePpm: 0 } },
    })
  })

  it('changes a scale of noise alone, and one that leaves no digits; else none', () => {
    const decimalsFor = (values: readonly bigint[]) =>
      propose(extremesOf(values.map((value) => [[value]])), entry(), FINE).decimals
    // Answers of 5, give or take 1: six decimals are noise.
    expect(decimalsFor([5n * 10n ** 9n, 6n * 10n ** 9n])).toBe(5)
    // Answers of 0.0000021.
    expect(decimalsFor([2_100n, 2_101n])).toBe(9)
    expect(decimalsFor([5n * 10n ** 9n, 5n * 10n ** 9n + 1n])).toBe(6)
  })

  it('of one machine is never below what stands, at any scale', () => {
    const now = { decimals: 6, tolerance: { absolute: '250', relativePpm: 100 } }
    const low = { margin: '1', tolerance: { absolute: '2', relativePpm: 3 } }
    expect(notBelow(now, { decimals: 6, ...low }).tolerance).toEqual({ absolute: '250', relativePpm: 100 })
    expect(notBelow(now, { decimals: 4, ...low }).tolerance).toEqual({ absolute: '3', relativePpm: 100 })
    expect(notBelow(now, { decimals: 7, ...low }).tolerance).toEqual({ absolute: '2500', relativePpm: 100 })
  })

  it('a case that nobody answered counts nowhere', () => {
    const ways = [
      [null, [1_000n]],
      [null, [1_000n]],
    ]
    expect(extremesOf(ways)).toEqual({ low: [null, [1_000n]], high: [null, [1_000n]] })
    expect(gapBetween(ways[0] ?? [], ways[1] ?? [], 1_000n)).toEqual({ units: 0n, ppm: 0, unequal: 0 })
  })
})

describe('inputs near goldens', () => {
  const golden = (x: readonly number[], t: readonly string[], k: readonly number[]): GoldenCase => ({
    name: 'g',
    inputs: {
      x: { type: 'float32', shape: [x.length / 2, 2], data: Float32Array.from(x) },
      t: { type: 'string', shape: [t.length], data: t },
      k: { type: 'int64', shape: [k.length], data: BigInt64Array.from(k, BigInt) },
    },
    expected: [],
  })
  const goldens = [golden([0, 100, 1, 200], ['a', 'b'], [3, 4]), golden([0.5, 150], ['c'], [-2])]
  const ports: readonly TensorPort[] = [
    { name: 'x', type: 'float32', shape: [null, 2] },
    { name: 't', type: 'string', shape: [null] },
    { name: 'k', type: 'int64', shape: [null] },
  ]

  it('have their shapes, and lie in the range of their column', () => {
    const drawn = drawInputs(ports, goldens, { count: 50, seed: 7 })
    expect(drawn).toHaveLength(50)
    const shapes = new Set(drawn.map(({ x, t, k }) => JSON.stringify([x?.shape, t?.shape, k?.shape])))
    expect([...shapes].sort()).toEqual(['[[1,2],[1],[1]]', '[[2,2],[2],[2]]'])
    for (const { x, t, k } of drawn) {
      for (const [at, value] of numbers(x).entries()) {
        expect(value).toBeGreaterThanOrEqual(at % 2 === 0 ? 0 : 100)
        expect(value).toBeLessThanOrEqual(at % 2 === 0 ? 1 : 200)
      }
      for (const value of numbers(k)) expect(value >= -2 && value <= 4 && Number.isInteger(value)).toBe(true)
      for (const text of (t?.data ?? []) as readonly string[]) expect(['a', 'b', 'c']).toContain(text)
    }
  })

  it('are the same for the same seed, and others for another', () => {
    const of = (seed: number) => JSON.stringify(drawInputs(ports, goldens, { count: 9, seed }), big)
    expect(of(1)).toBe(of(1))
    expect(of(1)).not.toBe(of(2))
  })

  const big = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)
  const numbers = (tensor: Tensor | undefined) =>
    Array.from((tensor?.data ?? []) as Iterable<number | bigint>, Number)
})
