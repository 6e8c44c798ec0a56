import fc from 'fast-check'
import type { TensorObservation } from '../../../../plugins/oracle/agreement/agreement-types.ts'

export const says = (oracle: number, ...values: bigint[]) => ({
  oracle,
  value: { kind: 'values', values } as TensorObservation,
})
export const abstains = (oracle: number, reason = 'INFERENCE_TIMEOUT') => ({
  oracle,
  value: { kind: 'abstained', reason } as TensorObservation,
})

export type Attributed = ReturnType<typeof says>

export const TOLERANCE = 10n
export const tolerances = [{ absolute: '10', relativePpm: 0 }]
export const LENGTH = 3

/** A network and how many of it are observed: from 2f + 1 to all. */
const networks = fc
  .constantFrom([1, 0], [4, 1], [5, 1], [7, 2], [9, 2], [10, 3], [16, 5])
  .chain(([n = 1, f = 0]) =>
    fc.record({ n: fc.constant(n), f: fc.constant(f), m: fc.integer({ min: 2 * f + 1, max: n }) }),
  )

const near = fc.bigInt({ min: -2n * TOLERANCE - 1n, max: 2n * TOLERANCE + 1n })

/** Whatever a liar sends, around honest values at `base`. */
function lie(base: readonly bigint[], length: number): fc.Arbitrary<TensorObservation> {
  const values = (coordinate: fc.Arbitrary<bigint>, size = length) =>
    fc.array(coordinate, { minLength: size, maxLength: size })
  return fc.oneof(
    values(near).map((offsets) => of(base.map((value, i) => value + (offsets[i] ?? 0n)))),
    values(fc.constantFrom(-TOLERANCE, 0n, TOLERANCE)).map((offsets) =>
      of(base.map((value, i) => value + (offsets[i] ?? 0n))),
    ),
    values(fc.bigInt({ min: -(2n ** 191n), max: 2n ** 191n - 1n })).map(of),
    fc.array(near, { maxLength: 8 }).map((wrong) => of(wrong.length === length ? [] : wrong)),
    fc.constant<TensorObservation>({ kind: 'abstained', reason: 'INFERENCE_FAILED' }),
  )
}

const of = (values: readonly bigint[]): TensorObservation => ({ kind: 'values', values })

/**
 * One round: m observations, at most f of them lies. Honest vectors are at most `reach` of each other; liars stand
 * anywhere among the oracles.
 */
export function rounds(reach: bigint, length = LENGTH) {
  return networks.chain(({ n, f, m }) =>
    fc
      .record({
        base: fc.array(fc.bigInt({ min: -(10n ** 9n), max: 10n ** 9n }), {
          minLength: length,
          maxLength: length,
        }),
        liars: fc.integer({ min: 0, max: f }),
        oracles: fc.shuffledSubarray([...Array(n).keys()], { minLength: m, maxLength: m }),
      })
      .chain(({ base, liars, oracles }) =>
        fc
          .record({
            honest: fc.array(
              fc.array(fc.bigInt({ min: 0n, max: reach }), { minLength: length, maxLength: length }),
              { minLength: m - liars, maxLength: m - liars },
            ),
            lies: fc.array(lie(base, length), { minLength: liars, maxLength: liars }),
          })
          .map(({ honest, lies }) => {
            const vectors = honest.map((offsets) => base.map((value, i) => value + (offsets[i] ?? 0n)))
            const all = [...vectors.map(of), ...lies]
            return {
              n,
              f,
              honest: vectors,
              honestOracles: oracles.slice(0, vectors.length),
              observations: all.map((value, i): Attributed => ({ oracle: oracles[i] ?? 0, value })),
            }
          }),
      ),
  )
}

/** Greatest difference of any coordinate. */
export function gap(a: readonly bigint[], b: readonly bigint[]): bigint {
  return greatest(a.flatMap((value, i) => [value - (b[i] ?? 0n), (b[i] ?? 0n) - value]))
}

export const greatest = (values: readonly bigint[]): bigint =>
  values.toSorted((a, b) => Number(a < b) - Number(a > b))[0] ?? 0n
