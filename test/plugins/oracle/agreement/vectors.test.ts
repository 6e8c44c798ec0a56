import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AgreementRule } from '../../../../node/ports/agreement-rule.ts'
import { agree } from '../../../../plugins/oracle/agreement/agree.ts'
import { abstains, gap, greatest, LENGTH, rounds, says, TOLERANCE, tolerances } from './arbitraries.ts'

const median: AgreementRule = { rule: 'median', tolerances }
const medoid: AgreementRule = { rule: 'medoid', tolerances }
const both = [median, medoid] as const
const runs = { numRuns: 1_000 }

describe('with at most f liars', () => {
  const close = rounds(TOLERANCE)

  test.each(both)('$rule: honest nodes within the tolerance of each other always agree', (rule) => {
    fc.assert(
      fc.property(close, ({ f, observations }) => {
        const result = agree(rule, { f, lengths: [LENGTH] }, observations)
        expect(result.kind).toBe('agreed')
        expect(result.tally.agreeing).toBeGreaterThanOrEqual(observations.length - f)
      }),
      runs,
    )
  })

  test('median: each coordinate is between two honest ones, and every honest node stands with it', () => {
    fc.assert(
      fc.property(close, ({ f, observations, honest, honestOracles }) => {
        const result = agree(median, { f, lengths: [LENGTH] }, observations)
        if (result.kind !== 'agreed') throw new Error(result.reason)
        result.values.forEach((value, i) => {
          expect(honest.some((vector) => (vector[i] ?? 0n) <= value)).toBe(true)
          expect(honest.some((vector) => (vector[i] ?? 0n) >= value)).toBe(true)
        })
        expect(result.agreeing).toEqual(expect.arrayContaining(honestOracles))
      }),
      runs,
    )
  })

  test('medoid: a vector that a node gave, one honest spread from f + 1 of all honest ones, two from the rest', () => {
    fc.assert(
      fc.property(close, ({ f, observations, honest }) => {
        const result = agree(medoid, { f, lengths: [LENGTH] }, observations)
        if (result.kind !== 'agreed') throw new Error(result.reason)
        const given = observations.map(({ value }) => (value.kind === 'values' ? value.values : []))
        expect(given).toContainEqual(result.values)
        const spread = greatest(honest.flatMap((a) => honest.map((b) => gap(a, b))))
        const within = (reach: bigint) => honest.filter((h) => gap(result.values, h) <= reach).length
        expect(within(spread)).toBeGreaterThanOrEqual(observations.length - 2 * f)
        expect(within(2n * spread)).toBe(honest.length)
      }),
      runs,
    )
  })

  test('medoid: with a tolerance of two honest spreads every honest node stands with it', () => {
    fc.assert(
      fc.property(rounds(TOLERANCE / 2n), ({ f, observations, honestOracles }) => {
        const result = agree(medoid, { f, lengths: [LENGTH] }, observations)
        if (result.kind !== 'agreed') throw new Error(result.reason)
        expect(result.agreeing).toEqual(expect.arrayContaining(honestOracles))
      }),
      runs,
    )
  })

  test.each(both)(
    '$rule: whatever honest nodes see, an answer has f + 1 nodes within the tolerance of it',
    (rule) => {
      fc.assert(
        fc.property(rounds(TOLERANCE * 4n), ({ f, observations, honest, honestOracles }) => {
          const result = agree(rule, { f, lengths: [LENGTH] }, observations)
          if (result.kind !== 'agreed') return
          expect(result.agreeing.length).toBeGreaterThanOrEqual(observations.length - f)
          const standing = result.agreeing.filter((oracle) => honestOracles.includes(oracle))
          expect(standing.length).toBeGreaterThanOrEqual(observations.length - 2 * f)
          expect(honest.filter((h) => gap(result.values, h) > TOLERANCE).length).toBeLessThanOrEqual(f)
          for (const { oracle, distance } of result.distances)
            if (result.agreeing.includes(oracle)) expect(distance).toBeLessThanOrEqual(TOLERANCE)
        }),
        runs,
      )
    },
  )

  test.each(both)('$rule: when more than f honest nodes stand far off there is no agreement', (rule) => {
    fc.assert(
      fc.property(rounds(TOLERANCE), fc.infiniteStream(fc.boolean()), (round, sides) => {
        const { f, observations, honestOracles } = round
        const away = new Set(honestOracles.filter(() => sides.next().value))
        fc.pre(away.size > f && honestOracles.length - away.size > f)
        const split = observations.map(({ oracle, value }) =>
          value.kind === 'values' && away.has(oracle)
            ? says(oracle, ...value.values.map((v, i) => (i === 0 ? v + 3n * TOLERANCE + 1n : v)))
            : { oracle, value },
        )
        expect(agree(rule, { f, lengths: [LENGTH] }, split)).toMatchObject({ kind: 'none', reason: 'apart' })
      }),
      runs,
    )
  })

  test.each(both)('$rule: the order of observations changes nothing', (rule) => {
    const shuffled = rounds(TOLERANCE * 2n).chain((round) =>
      fc.record({
        round: fc.constant(round),
        order: fc.shuffledSubarray(round.observations, { minLength: round.observations.length }),
      }),
    )
    fc.assert(
      fc.property(shuffled, ({ round, order }) => {
        const question = { f: round.f, lengths: [LENGTH] }
        expect(agree(rule, question, order)).toEqual(agree(rule, question, round.observations))
      }),
      runs,
    )
  })

  test.each(both)('$rule: which node said what changes no value', (rule) => {
    fc.assert(
      fc.property(rounds(TOLERANCE * 2n), ({ n, f, observations }) => {
        const mirrored = observations.map(({ oracle, value }) => ({ oracle: n - 1 - oracle, value }))
        const [a, b] = [observations, mirrored].map((list) => agree(rule, { f, lengths: [LENGTH] }, list))
        expect(a?.kind === 'agreed' && a.values).toEqual(b?.kind === 'agreed' && b.values)
      }),
      runs,
    )
  })

  test.each(both)('$rule: fewer than were asked for make no agreement', (rule) => {
    fc.assert(
      fc.property(close, fc.nat(17), ({ f, observations }, minAgreeing) => {
        const free = agree(rule, { f, lengths: [LENGTH] }, observations)
        const asked = agree(rule, { f, lengths: [LENGTH], minAgreeing }, observations)
        if (free.tally.agreeing >= minAgreeing) expect(asked).toEqual(free)
        else expect(asked).toMatchObject({ kind: 'none', reason: 'too-few-agreeing' })
      }),
      runs,
    )
  })
})

describe('median', () => {
  const run = (observations: Parameters<typeof agree>[2], f = 1, lengths = [2]) =>
    agree(median, { f, lengths }, observations)

  test('may be a vector that no node gave, and says how far each stands from it', () => {
    expect(run([says(2, 4n, 8n), says(0, 0n, 4n), says(1, 8n, 0n), says(3, 900n, 4n)])).toEqual({
      kind: 'agreed',
      values: [4n, 4n],
      agreeing: [0, 1, 2],
      spread: 8n,
      distances: [
        { oracle: 0, distance: 4n },
        { oracle: 1, distance: 4n },
        { oracle: 2, distance: 4n },
        { oracle: 3, distance: 896n },
      ],
      votes: [],
      tally: { observed: 4, abstained: 0, malformed: 0, undecided: 0, agreeing: 3 },
    })
  })

  test('one coordinate too far is enough to be left out; at the tolerance it is not', () => {
    const at = (last: bigint) => run([says(0, 0n, 0n), says(1, 0n, 0n), says(2, 0n, last), says(3, 0n, 0n)])
    expect(at(10n)).toMatchObject({ agreeing: [0, 1, 2, 3], spread: 10n })
    expect(at(11n)).toMatchObject({ agreeing: [0, 1, 3], spread: 0n })
    expect(at(-11n)).toMatchObject({ agreeing: [0, 1, 3] })
  })

  test('a node that the median moved away from does not stand with it', () => {
    const values = [-10n, 0n, 0n, 10n, 10n, 10n, -90n]
    // First median 0 takes six; the median of those is 10, 20 from the lowest.
    const observations = [...values.slice(0, 6), -90n].map((value, i) => says(i, value))
    expect(run(observations, 2, [1])).toMatchObject({
      kind: 'agreed',
      values: [10n],
      agreeing: [1, 2, 3, 4, 5],
    })
    expect(run(observations.slice(0, 5).concat(says(5, 10n), says(6, -95n)), 1, [1])).toMatchObject({
      kind: 'none',
      reason: 'apart',
    })
  })

  test('coordinates of different nodes may make a median that is far from all: no agreement', () => {
    expect(run([says(0, 50n, 0n, 0n), says(1, 0n, 50n, 0n), says(2, 0n, 0n, 50n)], 1, [3])).toMatchObject({
      kind: 'none',
      reason: 'apart',
      tally: { agreeing: 0 },
    })
  })

  test('each output has its own tolerance, the larger of absolute and relative', () => {
    const rule: AgreementRule = {
      rule: 'median',
      tolerances: [
        { absolute: '2', relativePpm: 0 },
        { absolute: '2', relativePpm: 100_000 },
      ],
    }
    const at = (a: bigint, b: bigint) =>
      agree(rule, { f: 1, lengths: [1, 2] }, [
        says(0, 5_000n, -100n, 5n),
        says(1, 5_000n, -100n, 5n),
        says(2, 5_000n, -100n, 5n),
        says(3, a, b, 7n),
      ])
    expect(at(5_002n, -110n)).toMatchObject({ agreeing: [0, 1, 2, 3] })
    expect(at(5_003n, -110n)).toMatchObject({ agreeing: [0, 1, 2] })
    expect(at(5_002n, -111n)).toMatchObject({ agreeing: [0, 1, 2] })
  })
})

describe('medoid', () => {
  const run = (observations: Parameters<typeof agree>[2], f = 1, lengths = [1]) =>
    agree(medoid, { f, lengths }, observations)

  test('a liar at the edge of the tolerance does not pull it', () => {
    // The least greatest distance to all would be 6, half way to the liar.
    expect(run([says(0, 0n), says(1, 0n), says(2, 6n), says(3, 10n)])).toMatchObject({ values: [6n] })
    expect(run([says(0, 0n), says(1, 1n), says(2, 2n), says(3, 10n)])).toMatchObject({ values: [1n] })
  })

  test('equal balls: the one nearest to the median, and then the lower, whoever gave it', () => {
    const values = [-4n, 0n, 4n, 0n]
    expect(run(values.map((value, i) => says(i, value)))).toMatchObject({ values: [0n] })
    expect(run([says(0, 2n), says(1, 0n)], 0)).toMatchObject({ values: [2n] })
    const cross = [says(0, 1n, 0n), says(1, 0n, 1n), says(2, 0n, 0n), says(3, 1n, 1n)]
    expect(run(cross, 1, [2])).toMatchObject({ values: [1n, 1n] })
    expect(run([says(0, 0n, 4n), says(1, 4n, 0n)], 0, [2])).toMatchObject({ values: [0n, 4n] })
    expect(run([says(1, 0n, 4n), says(0, 4n, 0n)], 0, [2])).toMatchObject({ values: [0n, 4n] })
  })

  test('distances are in units of the tolerance of their output', () => {
    const rule: AgreementRule = {
      rule: 'medoid',
      tolerances: [
        { absolute: '1000', relativePpm: 0 },
        { absolute: '10', relativePpm: 0 },
      ],
    }
    // 400 of 1000 is less than 8 of 10.
    const result = agree(rule, { f: 0, lengths: [1, 1] }, [
      says(0, 0n, 0n),
      says(1, 400n, 0n),
      says(2, 0n, -8n),
    ])
    expect(result).toMatchObject({ kind: 'agreed', values: [0n, 0n] })
  })

  test('a tolerance of zero asks for equal vectors', () => {
    const rule: AgreementRule = { rule: 'medoid', tolerances: [{ absolute: '0', relativePpm: 0 }] }
    const at = (last: bigint) =>
      agree(rule, { f: 1, lengths: [1] }, [says(0, 5n), says(1, 5n), says(2, last)])
    expect(at(6n)).toMatchObject({ values: [5n], agreeing: [0, 1] })
    expect(agree(rule, { f: 1, lengths: [1] }, [says(0, 5n), says(1, 6n), says(2, 7n)])).toMatchObject({
      kind: 'none',
    })
  })
})

describe.each(both)('no agreement, $rule', (rule) => {
  const run = (observations: Parameters<typeof agree>[2], f = 1) =>
    agree(rule, { f, lengths: [1] }, observations)

  test('fewer than 2f + 1 observations', () => {
    expect(run([says(0, 1n), says(1, 1n)])).toMatchObject({ kind: 'none', reason: 'too-few-observations' })
    expect(run([], 0)).toMatchObject({ kind: 'none', reason: 'too-few-observations' })
    expect(run([says(0, 1n)], 0)).toMatchObject({ kind: 'agreed', values: [1n] })
  })

  test('more than f abstain: the reason that more than f give is told', () => {
    expect(run([abstains(0, 'b'), abstains(1, 'a'), says(2, 1n), abstains(3, 'b')])).toMatchObject({
      kind: 'none',
      reason: 'abstained',
      because: 'b',
      tally: { observed: 4, abstained: 3, agreeing: 1 },
    })
    expect(run([abstains(0, 'a'), abstains(1, 'b'), says(2, 1n)])).toMatchObject({
      reason: 'abstained',
      because: null,
    })
    expect(run([abstains(0), abstains(1), abstains(2)])).toMatchObject({ because: 'INFERENCE_TIMEOUT' })
  })

  test('abstentions, other lengths and vectors that are far together count against f', () => {
    expect(run([says(0, 1n), says(1, 1n), says(2, 1n), abstains(3)])).toMatchObject({ kind: 'agreed' })
    expect(run([says(0, 1n), says(1, 1n), says(2), abstains(3)])).toMatchObject({
      kind: 'none',
      reason: 'apart',
      tally: { abstained: 1, malformed: 1, agreeing: 2 },
    })
    expect(run([says(0, 1n), says(1, 1n), says(2, 99n), abstains(3)])).toMatchObject({ reason: 'apart' })
    expect(run([says(0, 1n, 1n), says(1, 1n, 1n), says(2), says(3)])).toMatchObject({
      reason: 'apart',
      tally: { malformed: 4 },
    })
  })
})

describe('refused', () => {
  const one = [says(0, 1n)]

  test.each<[string, AgreementRule, readonly number[]]>([
    ['tolerances for another number of outputs', median, [1, 1]],
    ['an empty output', median, [0]],
    ['no output', median, []],
    ['scores of two outputs', { rule: 'class', margin: '1' }, [2, 2]],
    ['one class', { rule: 'class', margin: '1' }, [1]],
    ['the k best of k', { rule: 'top-k', k: 3, margin: '1' }, [3]],
  ])('%s', (_name, rule, lengths) => {
    expect(() => agree(rule, { f: 0, lengths }, one)).toThrow(
      expect.objectContaining({ code: 'ORACLE_BAD_RULE' }),
    )
  })

  test('counts that are none', () => {
    for (const counts of [{ f: -1 }, { f: 0.5 }, { f: 0, minAgreeing: -1 }, { f: Number.NaN }])
      expect(() => agree(median, { lengths: [1], ...counts }, one)).toThrow(
        expect.objectContaining({ code: 'ORACLE_BAD_RULE' }),
      )
  })

  test('an oracle that is there twice', () => {
    expect(() => agree(median, { f: 0, lengths: [1] }, [...one, ...one])).toThrow(
      expect.objectContaining({ code: 'ORACLE_BAD_OBSERVATION' }),
    )
  })
})
