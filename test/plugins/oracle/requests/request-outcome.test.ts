import { describe, expect, test } from 'vitest'
import { requestOutcome } from '../../../../plugins/oracle/requests/request-outcome.ts'
import { requestReports } from '../../../../plugins/oracle/requests/request-report.ts'
import type {
  RequestItem,
  RequestOutcome,
  RequestResult,
} from '../../../../plugins/oracle/requests/request-types.ts'
import { HOME, ORIGIN, pin } from '../kit.ts'
import { abstains, asking, gave, item, ORACLE, observations, rules } from './kit.ts'

const options = { oracleId: 'questions', n: 4, f: 1, rules }

function judge(
  results: readonly RequestResult[],
  changes: Partial<RequestItem> = {},
  previous?: RequestOutcome,
) {
  const query = asking([pin(10)], [item(1, changes)])
  const outcome = requestOutcome(options, query, previous ?? null, observations(...results))
  const [judged] = outcome.items
  if (judged === undefined) throw new TypeError('nothing was judged')
  return { outcome, judged }
}

describe('an answer', () => {
  test('is the median of those who agree; a perturbed one is outvoted, and shown with its distance', () => {
    const { judged } = judge([gave(100), gave(101), gave(5_000), gave(102)])
    expect(judged).toMatchObject({ outcome: 1, values: [101n], agreeing: 3, observers: 4, spread: 2n })
    expect(judged.results.map(({ agrees, distance }) => [agrees, distance])).toEqual([
      [true, 1n],
      [true, 0n],
      [false, 4_899n],
      [true, 1n],
    ])
  })

  test('stands without one who could not run the model, and does not without two', () => {
    expect(judge([gave(100), gave(100), abstains('unavailable'), gave(100)]).judged.outcome).toBe(1)
    const two = judge([gave(100), abstains('unavailable'), abstains('unavailable'), gave(100)])
    expect(two.judged).toMatchObject({ outcome: 0, reason: 'abstained', values: [] })
  })

  test('is none when honest validators differ: reported as such, and never a guess', () => {
    const { judged } = judge([gave(100), gave(500), gave(900), gave(1_300)])
    expect(judged).toMatchObject({ outcome: 2, reason: 'apart', values: [], agreeing: 0 })
  })

  test('needs as many as the request asks for; with everybody heard, fewer will not become more', () => {
    const three = [gave(100), gave(100), gave(100)]
    expect(judge(three, { minAgreeing: 4 }).judged).toMatchObject({ outcome: 0, reason: 'too-few-agreeing' })
    expect(judge([...three, gave(9_999)], { minAgreeing: 4 }).judged).toMatchObject({
      outcome: 2,
      reason: 'too-few-agreeing',
    })
    expect(judge([...three, gave(100)], { minAgreeing: 4 }).judged.outcome).toBe(1)
  })

  test('is put off, not given up, while somebody who could not be asked may decide it', () => {
    const { judged } = judge([gave(100), gave(900), abstains('unavailable')])
    expect(judged.outcome).toBe(0)
    expect(judge([gave(100), gave(500), gave(900)]).judged.outcome).toBe(2)
  })

  test('of a rule that chooses more classes than there are is none: the round goes on', () => {
    const rule = JSON.stringify({ k: 3, margin: '1', rule: 'top-k' })
    const { judged } = judge([gave(1, 2, 3), gave(1, 2, 3), gave(1, 2, 3)], { rule })
    expect(judged).toMatchObject({ outcome: 3, values: [] })
  })

  test('of another length is a liar’s; one liar can not choose the length', () => {
    expect(judge([gave(1, 2, 3), gave(100), gave(100), gave(100)]).judged).toMatchObject({
      outcome: 1,
      values: [100n],
      agreeing: 3,
    })
    expect(judge([gave(1, 2, 3), abstains('unavailable'), abstains('unavailable')]).judged.outcome).toBe(0)
  })
})

describe('an input that the model can not take', () => {
  test('is reported when as many say so as would have to agree', () => {
    const bad = abstains('bad-input')
    expect(judge([bad, bad, bad, gave(100)]).judged).toMatchObject({
      outcome: 3,
      reason: 'bad-input',
      agreeing: 3,
      values: [],
    })
    expect(judge([bad, bad, gave(100), gave(100)]).judged.outcome).toBe(0)
    expect(
      judge([abstains('not-finite'), abstains('not-finite'), abstains('not-finite')]).judged,
    ).toMatchObject({
      outcome: 3,
      reason: 'not-finite',
    })
  })
})

describe('a request rests', () => {
  test('while its report is on its way, or until it is tried again; others rest on', () => {
    const now = ORIGIN + 100
    expect(judge([gave(1), gave(1), gave(1)]).outcome.resting).toEqual([{ requestId: 1n, until: now + 30 }])
    const unavailable = abstains('unavailable')
    const put = judge([unavailable, unavailable, unavailable]).outcome
    expect(put.resting).toEqual([{ requestId: 1n, until: now + 20 }])
    const before = {
      ...put,
      resting: [
        { requestId: 7n, until: now + 1 },
        { requestId: 8n, until: now },
        { requestId: 1n, until: now + 500 },
      ],
    }
    expect(judge([gave(1), gave(1), gave(1)], {}, before).outcome.resting).toEqual([
      { requestId: 7n, until: now + 1 },
      { requestId: 1n, until: now + 30 },
    ])
  })
})

test('a report holds what was answered, and there is none when everything was put off', () => {
  const contract = { chainId: HOME, address: ORACLE } as const
  const { outcome } = judge([gave(100), gave(100), gave(100)])
  expect(requestReports(contract, outcome)).toHaveLength(1)
  const unavailable = abstains('unavailable')
  expect(requestReports(contract, judge([unavailable, unavailable, unavailable]).outcome)).toEqual([])
})
