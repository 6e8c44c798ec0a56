import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AgreementRule, agreementRule } from '../../../../node/ports/agreement-rule.ts'
import { agree } from '../../../../plugins/oracle/agreement/agree.ts'
import { bestOf } from '../../../../plugins/oracle/agreement/top-k.ts'
import { abstains, rounds, says } from './arbitraries.ts'

const best: AgreementRule = { rule: 'class', margin: '5' }
const two: AgreementRule = { rule: 'top-k', k: 2, margin: '5' }
const both = [best, two] as const
const CLASSES = 4
const runs = { numRuns: 1_000 }

describe('with at most f liars', () => {
  // Honest scores are at most 2 of each other, and the margin is above twice that.
  const seen = rounds(2n, CLASSES)

  test.each(both)(
    '$rule: an answer is a choice that honest nodes made, and no honest one made another',
    (rule) => {
      fc.assert(
        fc.property(seen, ({ f, observations, honest }) => {
          const result = agree(rule, { f, lengths: [CLASSES] }, observations)
          if (result.kind === 'none') return
          const k = rule.rule === 'class' ? 1 : 2
          const choices = honest.flatMap((scores) => bestOf(scores, k, 5n) ?? [])
          expect(result.values.length).toBe(k)
          expect([...new Set(choices)].sort()).toEqual(result.values.map(Number))
          expect(result.agreeing.length).toBeGreaterThanOrEqual(observations.length - f)
        }),
        runs,
      )
    },
  )

  test('a class that honest nodes are sure of always wins', () => {
    fc.assert(
      fc.property(seen, fc.nat(CLASSES - 1), ({ f, observations, honest, honestOracles }, sure) => {
        const certain = observations.map(({ oracle, value }) =>
          value.kind === 'values' && honestOracles.includes(oracle)
            ? says(oracle, ...value.values.map((v, i) => (i === sure ? v + 10n ** 10n : v)))
            : { oracle, value },
        )
        expect(agree(best, { f, lengths: [CLASSES] }, certain)).toMatchObject({
          kind: 'agreed',
          values: [BigInt(sure)],
          agreeing: expect.arrayContaining(honestOracles),
        })
        expect(honest.length).toBeGreaterThan(f)
      }),
      runs,
    )
  })

  test.each(both)('$rule: the order of observations changes nothing', (rule) => {
    const shuffled = rounds(8n, CLASSES).chain((round) =>
      fc.record({
        round: fc.constant(round),
        order: fc.shuffledSubarray(round.observations, { minLength: round.observations.length }),
      }),
    )
    fc.assert(
      fc.property(shuffled, ({ round, order }) => {
        const question = { f: round.f, lengths: [CLASSES] }
        expect(agree(rule, question, order)).toEqual(agree(rule, question, round.observations))
      }),
      runs,
    )
  })

  test('2f + 1 of all n who vote alike can not be outvoted, whichever 2f + 1 the leader takes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.infiniteStream(fc.nat()), (f, picks) => {
        const honest = [...Array(2 * f + 1).keys()].map((i) => says(i, 100n, 0n, 50n))
        const liars = [...Array(f).keys()].map((i) => says(2 * f + 1 + i, 0n, 10n ** 50n, 0n))
        const taken = [...honest, ...liars]
          .map((entry) => ({ entry, at: picks.next().value }))
          .sort((a, b) => a.at - b.at)
          .slice(0, 2 * f + 1)
          .map(({ entry }) => entry)
        expect(agree(best, { f, lengths: [3] }, taken)).toMatchObject({ kind: 'agreed', values: [0n] })
      }),
      runs,
    )
  })
})

describe('class', () => {
  const run = (observations: Parameters<typeof agree>[2], minAgreeing?: number) =>
    agree(best, { f: 1, lengths: [3], ...(minAgreeing === undefined ? {} : { minAgreeing }) }, observations)
  const first = (oracle: number) => says(oracle, 20n, 10n, 0n)
  const second = (oracle: number) => says(oracle, 0n, 20n, 10n)

  test('votes are counted, most first', () => {
    expect(run([second(0), first(1), first(2), says(3, 25n, 12n, 0n)])).toEqual({
      kind: 'agreed',
      values: [0n],
      agreeing: [1, 2, 3],
      spread: 5n,
      // From [20, 10, 0], the middle of those who agree.
      distances: [
        { oracle: 0, distance: 20n },
        { oracle: 1, distance: 0n },
        { oracle: 2, distance: 0n },
        { oracle: 3, distance: 5n },
      ],
      votes: [
        { classes: [0], votes: 3 },
        { classes: [1], votes: 1 },
      ],
      tally: { observed: 4, abstained: 0, malformed: 0, undecided: 0, agreeing: 3 },
    })
  })

  test('an even vote is none', () => {
    expect(run([second(0), first(1), second(2), first(3)])).toMatchObject({
      kind: 'none',
      reason: 'apart',
      votes: [
        { classes: [0], votes: 2 },
        { classes: [1], votes: 2 },
      ],
    })
  })

  test('scores closer than the margin are no vote', () => {
    const close = says(3, 14n, 10n, 0n)
    const atMargin = says(3, 15n, 10n, 0n)
    expect(run([first(0), first(1), first(2), close])).toMatchObject({
      agreeing: [0, 1, 2],
      tally: { undecided: 1 },
    })
    expect(run([first(0), first(1), first(2), atMargin])).toMatchObject({ agreeing: [0, 1, 2, 3] })
    expect(run([first(0), says(1, 1n, 1n, 1n), first(2), close])).toMatchObject({
      kind: 'none',
      reason: 'undecided',
      tally: { undecided: 2, agreeing: 2 },
    })
    expect(run([0, 1, 2].map((oracle) => says(oracle, 7n, 7n, 7n)))).toMatchObject({
      reason: 'undecided',
      votes: [],
    })
  })

  test('huge scores are one vote', () => {
    expect(run([first(0), first(1), says(2, 0n, 10n ** 50n, 0n)])).toMatchObject({
      values: [0n],
      agreeing: [0, 1],
    })
  })

  test('what an honest minority and f liars choose can be ruled out by asking for more', () => {
    // n = 4, f = 1, no calibrated margin: the leader took the one honest node of three that the liar sides with.
    const picked = [first(0), first(1), second(2)]
    expect(run(picked)).toMatchObject({ kind: 'agreed', values: [0n] })
    expect(run(picked, 3)).toMatchObject({ kind: 'none', reason: 'too-few-agreeing' })
  })

  test('abstentions count against f', () => {
    expect(run([first(0), first(1), abstains(2), second(3)])).toMatchObject({ kind: 'none', reason: 'apart' })
    expect(run([first(0), first(1), abstains(2)])).toMatchObject({ kind: 'agreed', agreeing: [0, 1] })
  })
})

describe('top-k', () => {
  const run = (...scores: bigint[][]) =>
    agree(
      two,
      { f: 1, lengths: [CLASSES] },
      scores.map((values, i) => says(i, ...values)),
    )

  test('is a set: who comes first in it does not matter, nor how close they are', () => {
    expect(run([0n, 90n, 0n, 91n], [0n, 91n, 0n, 90n], [1n, 90n, 0n, 90n])).toMatchObject({
      kind: 'agreed',
      values: [1n, 3n],
      votes: [{ classes: [1, 3], votes: 3 }],
    })
  })

  test('the last in and the first out must be a margin apart', () => {
    expect(bestOf([9n, 5n, 0n], 2, 5n)).toEqual([0, 1])
    expect(bestOf([9n, 4n, 0n], 2, 5n)).toBe(null)
    expect(bestOf([-9n, -4n, -20n], 2, 5n)).toEqual([0, 1])
    expect(bestOf([3n, 3n, 3n], 1, 1n)).toBe(null)
  })

  test('sets of which one class differs are two', () => {
    expect(run([90n, 80n, 0n, 0n], [90n, 0n, 80n, 0n], [90n, 0n, 0n, 80n])).toMatchObject({
      kind: 'none',
      reason: 'apart',
      votes: [
        { classes: [0, 1], votes: 1 },
        { classes: [0, 2], votes: 1 },
        { classes: [0, 3], votes: 1 },
      ],
    })
  })
})

describe('rule', () => {
  const tolerance = { absolute: '10', relativePpm: 0 }

  test.each([
    { rule: 'median', tolerances: [tolerance] },
    { rule: 'medoid', tolerances: [tolerance, { absolute: '0', relativePpm: 1_000_000 }] },
    { rule: 'class', margin: '1' },
    { rule: 'top-k', k: 5, margin: '340282366920938463463374607431768211455' },
  ])('is taken: %o', (rule) => {
    expect(agreementRule.parse(rule)).toEqual(rule)
  })

  test.each([
    { rule: 'mean', tolerances: [tolerance] },
    { rule: 'median', tolerances: [] },
    { rule: 'median', tolerances: [tolerance], k: 1 },
    { rule: 'median', tolerances: [{ ...tolerance, absolute: 10 }] },
    { rule: 'median', tolerances: [{ ...tolerance, absolute: '010' }] },
    { rule: 'median', tolerances: [{ ...tolerance, absolute: '-1' }] },
    { rule: 'median', tolerances: [{ ...tolerance, relativePpm: 0.5 }] },
    { rule: 'class', margin: '0' },
    { rule: 'top-k', k: 0, margin: '1' },
    { rule: 'top-k', k: 1.5, margin: '1' },
  ])('is refused: %o', (rule) => {
    expect(agreementRule.safeParse(rule).success).toBe(false)
  })
})
