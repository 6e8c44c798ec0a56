import { sha256 } from 'viem'
import { describe, expect, test } from 'vitest'
import { readReport } from '../../../../plugins/oracle/requests/request-report.ts'
import type { DisputeItem } from '../../../../plugins/oracle/requests/request-types.ts'
import { ORIGIN, pin } from '../kit.ts'
import { abstains, answerRow, dispute, disputeRow, gave, item, requestContext, requestRow } from './kit.ts'
import { ids, onChain, validator } from './validator.ts'

describe('a disputed answer', () => {
  function disputed() {
    const found = validator()
    onChain(found.chain, {})
    found.index.add('inferenceRequest', requestRow(1, { status: 'disputed', endedBlock: 8n }))
    found.index.add('inferenceAnswer', answerRow(1))
    found.index.add('inferenceDispute', disputeRow(1))
    return found
  }

  test('is taken up with what was answered, and whom the contract drew', async () => {
    const { query, chain, duty } = disputed()
    expect(await query()).toMatchObject({ items: [], upkeep: [], disputes: [dispute()] })
    onChain(chain, { committee: null })
    await expect(duty.query(requestContext(), null)).resolves.toBeNull()
  })

  test('is run again by those who were drawn, in the reference profile, and by nobody else', async () => {
    const { duty, query, inference } = disputed()
    inference.answer([100n])
    const asked = await query()
    const drawn = await duty.observe(requestContext({ self: 3 }), asked, null)
    expect(drawn).toEqual({ results: [], rulings: [gave(100)] })
    expect(inference.requests).toMatchObject([{ reference: true, priority: 'request' }])
    const other = await duty.observe(requestContext({ self: 2 }), asked, null)
    expect(other).toEqual({ results: [], rulings: [abstains('not-drawn')] })
    expect(inference.requests).toHaveLength(1)
    for (const observation of [drawn, other]) duty.validate(requestContext(), asked, null, observation)
  })

  test('is run again where the usual provider is refused', async () => {
    const { duty, query, inference } = disputed()
    inference.set({ status: { ok: false, reason: 'it drifts' } })
    const { rulings } = await duty.observe(requestContext({ self: 0 }), await query(), null)
    expect(rulings).toMatchObject([{ kind: 'values' }])
  })

  test.each<[string, Partial<DisputeItem>]>([
    ['another answer', { values: [101n] }],
    ['another outcome', { outcome: 3, values: [] }],
    ['another committee', { committee: [0, 1, 2] }],
    ['a committee in another order', { committee: [0, 1, 3] }],
    ['another input', { inputHash: sha256('0x01') }],
    ['a laxer rule', { rule: item(1).rule.replace('"10"', '"99999999"') }],
    ['a callback that is none', { callbackGasLimit: 0 }],
    ['an oracle that does not exist', { committee: [3, 0, 4] }],
  ])('is refused with %s', async (_, changes) => {
    const { duty, query } = disputed()
    const lie = { ...(await query()), disputes: [dispute(changes)] }
    await expect(duty.observe(requestContext(), lie, null)).rejects.toMatchObject({
      code: 'ORACLE_BAD_QUERY',
    })
  })

  test.each<[string, Parameters<typeof disputeRow>[1]]>([
    ['was ruled on', { endedBlock: 16n, status: 'upheld' }],
    ['was challenged after the pin', { blockNumber: 18n }],
    ['has no time left for a verdict', { deadline: BigInt(ORIGIN + 170 + 30) }],
  ])('is left alone when it %s', async (_, changes) => {
    const { duty, index, query } = disputed()
    const asked = await query()
    index.remove('inferenceDispute', () => true)
    index.add('inferenceDispute', disputeRow(1, changes))
    await expect(duty.query(requestContext(), null)).resolves.toBeNull()
    await expect(duty.observe(requestContext(), asked, null)).rejects.toMatchObject({
      code: 'ORACLE_BAD_QUERY',
    })
  })

  test('rests while its verdict is on its way; requests go on meanwhile, and beside it', async () => {
    const { duty, index, query } = disputed()
    index.add('inferenceRequest', requestRow(2), requestRow(3), requestRow(4))
    const asked = await query()
    expect([asked.disputes.length, ids(asked)]).toEqual([1, [2, 3]])
    const given = [0, 1, 3].map((oracle) => ({
      oracle,
      value: { results: [gave(1), gave(1)], rulings: [gave(900)] },
    }))
    const outcome = duty.outcome(requestContext(), { ...asked, pins: [pin(16)] }, null, given)
    const reports = duty.reports(requestContext(), outcome)
    // One report: a contract takes them in their order alone.
    expect(reports.map(({ payload }) => readReport(payload))).toEqual([
      { answers: [2n, 3n], verdicts: [1n], due: [] },
    ])
    const next = await query(outcome)
    expect([next.disputes, ids(next)]).toEqual([[], [4]])
  })
})
