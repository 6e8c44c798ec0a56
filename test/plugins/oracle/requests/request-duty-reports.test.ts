import { describe, expect, test } from 'vitest'
import { requestOutcome } from '../../../../plugins/oracle/requests/request-outcome.ts'
import { readReport } from '../../../../plugins/oracle/requests/request-report.ts'
import type { RequestQuery } from '../../../../plugins/oracle/requests/request-types.ts'
import { ORIGIN, pin } from '../kit.ts'
import { asking, dispute, gave, item, observations, requestContext, rules } from './kit.ts'
import { onChain, validator } from './validator.ts'

describe('a report is sent', () => {
  const sent = async (query: RequestQuery, says: Parameters<typeof onChain>[1]) => {
    const { duty, chain } = validator()
    onChain(chain, says)
    const given = [0, 1, 2, 3].map((oracle) => ({
      oracle,
      value: { results: query.items.map(() => gave(1)), rulings: query.disputes.map(() => gave(100)) },
    }))
    const [report] = duty.reports(requestContext(), duty.outcome(requestContext(), query, null, given))
    if (report === undefined) throw new TypeError('no report')
    return await duty.shouldTransmit(requestContext(), report, requestOutcome(judging, query, null, given))
  }
  const judging = { oracleId: 'questions', n: 4, f: 1, rules }

  test.each<[string, Parameters<typeof onChain>[1], boolean]>([
    ['waits', { status: 1 }, true],
    ['was answered', { status: 2 }, false],
    ['is past its deadline', { status: 1, due: ORIGIN + 189 }, false],
  ])('of answers while one of its requests %s', async (_, says, expected) => {
    await expect(sent(asking([pin(17)], [item(1)]), says)).resolves.toBe(expected)
  })

  test.each<[string, Parameters<typeof onChain>[1], boolean]>([
    ['is open', { status: 3 }, true],
    ['was ruled on', { status: 5 }, false],
    ['is out of time', { status: 3, due: ORIGIN + 189 }, false],
  ])('of verdicts while one of its disputes %s', async (_, says, expected) => {
    const query = { ...asking([pin(17)], []), disputes: [dispute()] }
    await expect(sent(query, says)).resolves.toBe(expected)
  })

  test.each<[string, Parameters<typeof onChain>[1], boolean]>([
    ['can be settled', { status: 2, due: ORIGIN + 189 }, true],
    ['can still be challenged', { status: 2 }, false],
    ['has a callback that waits', { status: 6 }, true],
    ['was called back', { status: 6, delivered: true }, false],
    ['was refunded', { status: 8 }, false],
  ])('of chores while one of its requests %s', async (_, says, expected) => {
    const query = { ...asking([pin(17)], []), upkeep: [{ requestId: 1n, callbackGasLimit: 0 }] }
    await expect(sent(query, says)).resolves.toBe(expected)
  })
})

test('what has no room in a transaction is left out of the report, whoever answers', () => {
  const { duty } = validator()
  const many = Array.from({ length: 256 }, () => 1n)
  const items = Array.from({ length: 12 }, (_, at) => item(at + 1, { callbackGasLimit: 0 }))
  const query = asking([pin(17)], items)
  const given = [0, 1, 2].map((oracle) => ({
    oracle,
    value: { results: items.map(() => gave(...many)), rulings: [] },
  }))
  const [report, ...others] = duty.reports(
    requestContext(),
    requestOutcome({ oracleId: 'questions', n: 4, f: 1, rules }, query, null, given),
  )
  expect(others).toEqual([])
  expect(report?.leastGas).toBeLessThanOrEqual(15_000_000n)
  expect(readReport(report?.payload ?? new Uint8Array()).answers).toEqual([1n, 2n, 3n, 4n, 5n, 6n])
})

test('answers leave room for chores, and chores for answers', () => {
  const { duty } = validator()
  const many = Array.from({ length: 223 }, () => 1n)
  const items = Array.from({ length: 12 }, (_, at) => item(at + 1, { callbackGasLimit: 0 }))
  const upkeep = Array.from({ length: 10 }, (_, at) => ({
    requestId: BigInt(at + 100),
    callbackGasLimit: 1_000_000,
  }))
  const query = { ...asking([pin(17)], items), upkeep }
  const given = [0, 1, 2].map((oracle) => ({
    oracle,
    value: { results: items.map(() => gave(...many)), rulings: [] },
  }))
  const outcome = requestOutcome({ oracleId: 'questions', n: 4, f: 1, rules }, query, null, given)
  const [report] = duty.reports(requestContext(), outcome)
  const { answers, due } = readReport(report?.payload ?? new Uint8Array())
  expect(due.length).toBeGreaterThanOrEqual(4)
  expect(answers.length).toBeGreaterThanOrEqual(4)
  expect(report?.leastGas).toBeLessThanOrEqual(15_000_000n)
})

test('a report asks for the gas that its callbacks may burn, whatever an estimate says', () => {
  const { duty } = validator()
  const gasOf = (callbackGasLimit: number) => {
    const query = asking([pin(17)], [item(1, { callbackGasLimit })])
    const outcome = duty.outcome(requestContext(), query, null, observations(gave(1), gave(1), gave(1)))
    return Number(duty.reports(requestContext(), outcome)[0]?.leastGas ?? 0n)
  }
  expect(gasOf(1_000_000) - gasOf(0)).toBeGreaterThan((1_000_000 * 64) / 63)
})
