import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ruleOf } from '../../../../plugins/oracle/requests/pick-requests.ts'
import type { DisputeItem, RequestResult } from '../../../../plugins/oracle/requests/request-types.ts'
import { ruleOn } from '../../../../plugins/oracle/requests/ruling.ts'
import { abstains, dispute, gave } from './kit.ts'

const UPHELD = 1
const OVERTURNED = 2

/** What oracles 0, 1, ... say; 0, 1 and 3 were drawn, and the answer 100 has a tolerance of 10. */
function rule(results: readonly RequestResult[], changes: Partial<DisputeItem> = {}) {
  return ruleOn(
    dispute(changes),
    results.map((value, oracle) => ({ oracle, value })),
  )
}
const notDrawn = abstains('not-drawn')

describe('an answer is upheld', () => {
  test('when most of all who were drawn confirm it, within the tolerance', () => {
    const ruling = rule([gave(103), gave(900), notDrawn, gave(110)])
    expect(ruling).toMatchObject({ ruling: UPHELD, votes: 2, values: [], distance: 10n, reason: null })
    expect(ruling.results.map(({ oracle, agrees, distance }) => [oracle, agrees, distance])).toEqual([
      [0, true, 3n],
      [1, false, 800n],
      [3, true, 10n],
    ])
  })

  test('when what they agree on is within the tolerance of it, though most of them are not', () => {
    // 86 and 95 agree on 95, and only one of them is within 10 of the answer.
    expect(rule([gave(86), gave(95), notDrawn, gave(300)])).toMatchObject({
      ruling: UPHELD,
      votes: 2,
      values: [],
      distance: 5n,
    })
  })

  test('when it says that the model can not take the input, and they say so too', () => {
    const bad = { outcome: 3, values: [] }
    expect(rule([abstains('not-finite'), gave(1), notDrawn, abstains('bad-input')], bad)).toMatchObject({
      ruling: UPHELD,
      votes: 2,
      distance: 0n,
    })
  })
})

describe('an answer is overturned', () => {
  test('by what most of them agree on, with its distance', () => {
    expect(rule([gave(500), gave(504), notDrawn, gave(100)])).toMatchObject({
      ruling: OVERTURNED,
      votes: 2,
      values: [504n],
      distance: 404n,
    })
  })

  test('by its length', () => {
    expect(rule([gave(100, 7), gave(100, 7), notDrawn, gave(100)])).toMatchObject({
      ruling: OVERTURNED,
      values: [100n, 7n],
      distance: 0n,
    })
  })

  test('when the model can not take the input', () => {
    expect(rule([abstains('bad-input'), abstains('bad-input'), notDrawn, gave(100)])).toMatchObject({
      ruling: OVERTURNED,
      votes: 2,
      values: [],
    })
  })

  test('when it can, and the answer says otherwise', () => {
    expect(rule([gave(5), gave(5), notDrawn, gave(5)], { outcome: 3, values: [] })).toMatchObject({
      ruling: OVERTURNED,
      votes: 3,
      values: [5n],
    })
  })
})

describe('there is no ruling yet', () => {
  test.each<[string, readonly RequestResult[], string]>([
    ['while most of them were not heard', [gave(100)], 'too-few-observations'],
    ['by those who were not drawn', [gave(100), abstains('unavailable'), gave(100), gave(900)], 'apart'],
    ['when they are apart', [gave(1), gave(300), notDrawn, gave(600)], 'apart'],
    [
      'when most of them can not run the model',
      [abstains('unavailable'), abstains('unavailable'), gave(100), gave(900)],
      'abstained',
    ],
  ])('%s', (_, results, reason) => {
    expect(rule(results)).toMatchObject({ ruling: 0, votes: 0, values: [], reason })
  })
})

test('classes are compared as classes', () => {
  const classes = ruleOf({ agreement: { rule: 'class', margin: '5' } })
  const says = (results: readonly RequestResult[], answer: bigint) =>
    rule(results, { rule: classes, values: [answer] })
  const second = [gave(1, 20), gave(3, 30), notDrawn, gave(9, 1)]
  expect(says(second, 1n)).toMatchObject({ ruling: UPHELD, votes: 2, distance: 0n })
  expect(says(second, 0n)).toMatchObject({ ruling: OVERTURNED, votes: 2, values: [1n] })
  expect(says([gave(1, 20), gave(30, 28), notDrawn, gave(9, 8)], 1n)).toMatchObject({ ruling: 0 })
  // One class says nothing: such a model can't be asked for the best of it.
  expect(says([gave(1), gave(2), notDrawn, gave(3)], 0n)).toMatchObject({ ruling: OVERTURNED, values: [] })
})

test('no minority of a committee turns a ruling, whoever is left out and whatever it says', () => {
  const size = fc.constantFrom(1, 3, 5, 7)
  const lie: fc.Arbitrary<RequestResult> = fc.oneof(
    fc.array(fc.bigInt({ min: -500n, max: 500n }), { minLength: 1, maxLength: 2 }).map((v) => gave(...v)),
    fc.constantFrom('bad-input' as const, 'unavailable' as const, 'not-drawn' as const).map(abstains),
  )
  fc.assert(
    fc.property(
      size,
      fc.bigInt({ min: -50n, max: 50n }),
      fc.array(lie, { minLength: 3, maxLength: 3 }),
      fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 7, maxLength: 7 }),
      fc.subarray([0, 1, 2, 3, 4, 5, 6]),
      fc.boolean(),
      (drawn, truth, lies, noise, heard, isRight) => {
        const committee = Array.from({ length: drawn }, (_, at) => at)
        const minority = (drawn - 1) / 2
        const results = committee.flatMap((oracle) => {
          if (!heard.includes(oracle)) return []
          const lied = oracle < minority ? lies[oracle] : undefined
          return [{ oracle, value: lied ?? gave(truth + BigInt(noise[oracle] ?? 0)) }]
        })
        // Honest results are within 5 of the truth; so is a right answer, and a wrong one is farther than 15.
        const answer = isRight ? truth + 5n : truth + 1_000n
        const { ruling, values } = ruleOn(dispute({ committee, values: [answer] }), results)
        if (isRight) expect(ruling).not.toBe(OVERTURNED)
        else expect(ruling).not.toBe(UPHELD)
        if (ruling === OVERTURNED)
          expect(Number((values[0] ?? 10_000n) - truth)).toSatisfy((off: number) => Math.abs(off) <= 15)
        // Everybody heard, and at most a minority lying: there is one.
        if (results.length === drawn) expect(ruling).not.toBe(0)
      },
    ),
    { numRuns: 500 },
  )
})
