import fc from 'fast-check'
import { bytesToHex, zeroHash } from 'viem'
import { describe, expect, test } from 'vitest'
import { outcomeCodec } from '../../../plugins/oracle/codecs.ts'
import type { FeedRules } from '../../../plugins/oracle/contract-config.ts'
import type { AnswerLimits, FeedOutcome, OnchainRound } from '../../../plugins/oracle/feed-types.ts'
import { feedKind } from '../../../plugins/oracle/kinds/feed.ts'
import { feedOutcome } from '../../../plugins/oracle/outcome.ts'
import { feedReports } from '../../../plugins/oracle/report.ts'
import { median, scalar } from '../../../plugins/oracle/values/scalar.ts'
import { AWAY, attributed, HOME, ORIGIN, outcome, pin, rules } from './kit.ts'

const query = { pins: [pin(10), pin(3, { chainId: AWAY })] }
const NOW = ORIGIN + 100

function run(
  observations: Parameters<typeof attributed>[0],
  changes: {
    f?: number
    rules?: Partial<FeedRules>
    previous?: FeedOutcome | null
    pins?: typeof query.pins
    limits?: AnswerLimits
  } = {},
) {
  return feedOutcome(
    scalar,
    {
      feedId: 'price',
      modelDigest: zeroHash,
      homeChainId: HOME,
      f: changes.f ?? 1,
      rules: { ...rules, ...changes.rules },
      limits: changes.limits ?? null,
      labels: null,
    },
    { pins: changes.pins ?? query.pins },
    changes.previous ?? null,
    attributed(observations),
  )
}

const seen = (value: bigint, onchain: OnchainRound | null) => ({ value, onchain })
const all = (value: bigint, onchain: OnchainRound | null) => [1, 2, 3].map(() => seen(value, onchain))

const rising = (values: readonly bigint[]) => [...values].sort((a, b) => Number(a > b) - Number(a < b))
const lowest = (values: readonly bigint[]) => rising(values)[0] ?? 0n
const highest = (values: readonly bigint[]) => rising(values).at(-1) ?? 0n

describe('median', () => {
  test('is an element of the list: the upper of the two middle ones', () => {
    expect(median([3n, 1n, 2n])).toBe(2n)
    expect(median([4n, 1n, 2n, 3n])).toBe(3n)
    expect(median([-1n, -5n, 7n])).toBe(-1n)
    expect(median([-1n, -10n, -9n, -2n])).toBe(-2n)
    expect(median([2n, -10n])).toBe(2n)
    expect(() => median([])).toThrow(expect.objectContaining({ code: 'ORACLE_NO_DATA' }))
  })
})

describe('with f liars', () => {
  const sizes = fc.constantFrom([4, 1], [7, 2], [10, 3], [31, 10]) as fc.Arbitrary<[number, number]>
  const anything = fc.bigInt({ min: -(2n ** 191n), max: 2n ** 191n - 1n })
  const rounds = sizes.chain(([n, f]) =>
    fc.record({
      f: fc.constant(f),
      base: fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
      offsets: fc.array(fc.bigInt({ min: 0n, max: 10n ** 6n }), { minLength: f + 1, maxLength: n - f }),
      lies: fc.array(anything, { minLength: f, maxLength: f }),
      near: fc.array(fc.bigInt({ min: -20n, max: 20n }), { minLength: f, maxLength: f }),
      close: fc.boolean(),
      order: fc.infiniteStream(fc.nat()),
    }),
  )

  test('the answer stands in the honest range while honest validators agree, and they always agree then', () => {
    fc.assert(
      fc.property(rounds, ({ f, base, offsets, lies, near, close }) => {
        const honest = offsets.map((offset) => base + (offset % 11n))
        const lying = close ? near.map((offset) => base + offset) : lies
        const result = run([...lying, ...honest], { f, rules: { toleranceAbsolute: 10n, tolerancePpm: 0 } })
        expect(result.agreed).toBe(true)
        expect(result.answer >= lowest(honest)).toBe(true)
        expect(result.answer <= highest(honest)).toBe(true)
        expect(() => outcomeCodec.encode(result)).not.toThrow()
      }),
      { numRuns: 300 },
    )
  })

  test('the answer is within the tolerance of the honest range whatever they see', () => {
    fc.assert(
      fc.property(rounds, ({ f, base, offsets, lies, near, close }) => {
        const honest = offsets.map((offset) => base + offset)
        const lying = close ? near.map((offset) => base + offset) : lies
        const result = run([...honest, ...lying], { f, rules: { toleranceAbsolute: 10n, tolerancePpm: 0 } })
        expect(result.answer >= lowest(honest) - 10n).toBe(true)
        expect(result.answer <= highest(honest) + 10n).toBe(true)
        expect(result.spread <= 20n).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('the same observations make the same bytes', () => {
    const observations = [100n, 5_000n, 103n, 99n]
    expect(bytesToHex(outcomeCodec.encode(run(observations)))).toBe(
      bytesToHex(outcomeCodec.encode(run([...observations]))),
    )
  })
})

describe('outliers', () => {
  test('are marked and left out of answer and spread', () => {
    const result = run([100n, 9_999n, 104n, 110n])
    expect(result.observations.map(({ accepted }) => accepted)).toEqual([true, false, true, true])
    expect(result).toMatchObject({ answer: 104n, spread: 10n, agreed: true, due: true, timestamp: NOW })
  })

  test('the larger of absolute and relative tolerance holds, on the magnitude of a negative median', () => {
    const far = { toleranceAbsolute: 0n, tolerancePpm: 10_000 }
    expect(run([-1_000n, -1_010n, -1_011n], { rules: far }).observations.map((o) => o.accepted)).toEqual([
      true,
      true,
      true,
    ])
    expect(run([-990n, -1_000n, -1_011n], { rules: far }).observations.map((o) => o.accepted)).toEqual([
      true,
      true,
      false,
    ])
  })

  test('more than f of them: no agreement, no report', () => {
    const result = run([100n, 5_000n, 90_000n])
    expect(result).toMatchObject({ agreed: false, due: false, answer: 5_000n, spread: 0n, lastReport: null })
    expect(feedReports(feedKind, [{ chainId: HOME, address: '0x' }], result)).toEqual([])
    // f + 1 of seven stand together, but at least two of the other four are honest.
    expect(run([1n, 1_000n, 2_000n, 2_001n, 2_002n, 9_000n, 10_000n], { f: 2 })).toMatchObject({
      agreed: false,
    })
  })

  test('the widest spread that a tolerance allows can be encoded', () => {
    const top = 2n ** 191n - 1n
    const result = run([-top - 1n, 0n, top], { rules: { toleranceAbsolute: top, tolerancePpm: 2 ** 32 - 1 } })
    expect(outcomeCodec.decode(outcomeCodec.encode(result))).toEqual(result)
  })
})

describe('reporting rule', () => {
  const base = (answer: bigint, age: number): OnchainRound => ({ answer, timestamp: NOW - age })

  test('the first report', () => {
    const result = run(all(50n, null))
    expect(result).toMatchObject({ due: true, lastReport: { answer: 50n, timestamp: NOW } })
  })

  test.each([
    ['below the deviation', 1_000_000n, 1_004_999n, 200, false],
    ['at the deviation', 1_000_000n, 1_005_000n, 200, true],
    ['at the deviation, down', 1_000_000n, 995_000n, 200, true],
    ['negative, below', -1_000_000n, -1_004_999n, 200, false],
    ['negative, at it', -1_000_000n, -1_005_000n, 200, true],
    ['across zero', -1n, 1n, 200, true],
    ['zero to zero', 0n, 0n, 200, false],
    ['zero to anything', 0n, -1n, 200, true],
    ['anything to zero', 7n, 0n, 200, true],
    ['unchanged, just before the interval', 7n, 7n, 599, false],
    ['unchanged, at the interval', 7n, 7n, 600, true],
    ['the chain has it already', 1n, 9n, 0, false],
    ['the chain is ahead of the pin', 1n, 9n, -5, false],
  ])('%s', (_name, before, now, age, due) => {
    expect(run(all(now, base(before, age))).due).toBe(due)
  })

  test('deviation 0 reports every round in which time moved', () => {
    expect(run(all(7n, base(7n, 1)), { rules: { deviationPpm: 0 } }).due).toBe(true)
    expect(run(all(7n, base(7n, 0)), { rules: { deviationPpm: 0 } }).due).toBe(false)
  })

  test('the on-chain view is that of the honest majority', () => {
    const truth = base(1_000n, 200)
    const lie = seen(1_000n, { answer: 1_000n, timestamp: NOW + 1_000_000 })
    expect(run([seen(1_000n, truth), lie, seen(1_000n, truth)])).toMatchObject({
      due: false,
      lastReport: truth,
    })
    const none = seen(1_000n, null)
    expect(run([seen(1_000n, truth), none, seen(1_000n, truth)])).toMatchObject({
      due: false,
      lastReport: truth,
    })
    expect(run([none, seen(1_000n, truth), none])).toMatchObject({ due: true })
  })

  describe('a report on its way', () => {
    const sent = (age: number, answer = 2_000n) =>
      outcome({ lastReport: { answer, timestamp: NOW - age }, answer })
    const old = base(1_000n, 500)

    test('counts as arrived', () => {
      const result = run(all(2_000n, old), { previous: sent(119) })
      expect(result).toMatchObject({ due: false, lastReport: { answer: 2_000n, timestamp: NOW - 119 } })
    })

    test('does not hide a further deviation', () => {
      expect(run(all(3_000n, old), { previous: sent(10) }).due).toBe(true)
    })

    test('is sent anew after its window', () => {
      const result = run(all(2_000n, old), { previous: sent(120) })
      expect(result).toMatchObject({ due: true, lastReport: { answer: 2_000n, timestamp: NOW } })
    })

    test('is forgotten after its window when nothing is due', () => {
      const result = run(all(1_000n, old), { previous: sent(120) })
      expect(result).toMatchObject({ due: false, lastReport: old })
    })

    test('of a future that was reorganised away does not silence the feed', () => {
      const result = run(all(2_000n, old), { previous: sent(-5_000) })
      expect(result).toMatchObject({ due: true, lastReport: { answer: 2_000n, timestamp: NOW } })
      expect(run(all(2_000n, null), { previous: sent(-5_000) }).due).toBe(true)
    })
  })

  test('a time that a report cannot hold makes none', () => {
    const late = [pin(10, { timestamp: 2 ** 32 }), pin(3, { chainId: AWAY })]
    const result = run(all(5n, null), { pins: late })
    expect(result).toMatchObject({ agreed: true, due: false })
    expect(feedReports(feedKind, [{ chainId: HOME, address: '0x' }], result)).toEqual([])
    const last = run(all(5n, null), {
      pins: [pin(10, { timestamp: 2 ** 32 - 1 }), pin(3, { chainId: AWAY })],
    })
    expect(feedReports(feedKind, [{ chainId: HOME, address: '0x' }], last)).toHaveLength(1)
  })

  describe('an answer that the contract would refuse', () => {
    const limits = { min: -5n, max: 5n }

    test.each([
      [-6n, false],
      [-5n, true],
      [5n, true],
      [6n, false],
    ])('%s with -5 to 5: due is %s', (answer, due) => {
      const result = run(all(answer, null), { limits })
      expect(result).toMatchObject({ answer, agreed: true, due })
    })

    test('does not count as reported: the next one within the limits is judged by the newest on-chain', () => {
      const onchain = { answer: 5n, timestamp: NOW - 50 }
      const out = run(all(6n, onchain), { limits, rules: { deviationPpm: 1 } })
      expect(out).toMatchObject({ due: false, lastReport: onchain })
      const back = run(all(4n, onchain), { limits, rules: { deviationPpm: 1 }, previous: out })
      expect(back).toMatchObject({ due: true, lastReport: { answer: 4n, timestamp: NOW } })
    })
  })

  test('a query without the home chain is refused', () => {
    expect(() => run(all(5n, null), { pins: [pin(3, { chainId: AWAY })] })).toThrow(
      expect.objectContaining({ code: 'ORACLE_BAD_PIN' }),
    )
  })
})
