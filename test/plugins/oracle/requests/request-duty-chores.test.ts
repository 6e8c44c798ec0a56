import { sha256 } from 'viem'
import { describe, expect, test } from 'vitest'
import { IyiError } from '../../../../node/ports/errors.ts'
import type { UpkeepItem } from '../../../../plugins/oracle/requests/request-types.ts'
import { HOME, ORIGIN, pin } from '../kit.ts'
import { answerRow, disputeRow, requestContext, requestRow } from './kit.ts'
import { onChain, validator } from './validator.ts'

describe('chores', () => {
  const answered = (id: number, changes: Parameters<typeof requestRow>[1] = {}) =>
    requestRow(id, { status: 'answered', endedBlock: 8n, ...changes })

  test('a callback that waited for the window is made; a price is earned with others', async () => {
    const { index, query, duty } = validator()
    index.add('inferenceRequest', answered(1, { finalOnly: true, callbackGasLimit: 70_000 }), answered(2))
    index.add('inferenceAnswer', answerRow(1), answerRow(2))
    const asked = await query()
    expect(asked.upkeep).toEqual([{ requestId: 1n, callbackGasLimit: 70_000 }])
    expect(await duty.observe(requestContext(), asked, null)).toEqual({ results: [], rulings: [] })
    const rows = Array.from({ length: 7 }, (_, at) => at + 3)
    index.add('inferenceRequest', ...rows.map((id) => answered(id)))
    index.add('inferenceAnswer', ...rows.map((id) => answerRow(id)))
    expect((await query()).upkeep.map(({ requestId }) => Number(requestId))).toEqual([1, 2, ...rows])
  })

  test('one price that waited for an hour is earned alone', async () => {
    const { index, query, duty } = validator()
    index.add('inferenceRequest', answered(1))
    index.add('inferenceAnswer', answerRow(1))
    await expect(duty.query(requestContext(), null)).resolves.toBeNull()
    index.remove('inferenceAnswer', () => true)
    index.add(
      'inferenceAnswer',
      answerRow(1, { finalAt: BigInt(ORIGIN - 3_500), timestamp: BigInt(ORIGIN - 4_000) }),
    )
    expect((await query()).upkeep).toHaveLength(1)
  })

  test.each<[string, Parameters<typeof requestRow>[1], Parameters<typeof disputeRow>[1] | null, boolean]>([
    ['that somebody else made final', { status: 'final', finalOnly: true }, null, true],
    ['that was delivered', { status: 'final', finalOnly: true, delivered: true }, null, false],
    ['after a verdict', { status: 'upheld', finalOnly: true }, { status: 'upheld', endedBlock: 15n }, true],
    ['whose dispute is out of time', { status: 'disputed' }, { deadline: BigInt(ORIGIN + 169) }, true],
    ['whose committee was not drawn yet', { status: 'disputed' }, {}, false],
  ])('a request %s', async (_, row, dispute, isDue) => {
    const { index, duty, chain } = validator()
    onChain(chain, { committee: null })
    index.add('inferenceRequest', answered(1, row))
    index.add('inferenceAnswer', answerRow(1))
    if (dispute !== null) index.add('inferenceDispute', disputeRow(1, dispute))
    const found = await duty.query(requestContext(), null)
    expect(found?.upkeep.length ?? 0).toBe(isDue ? 1 : 0)
  })

  test('a committee is drawn before its block is out of reach', async () => {
    const { index, duty, chain } = validator()
    chain.grow(HOME, 60)
    index.setHead(HOME, 59n)
    onChain(chain, {})
    index.add('inferenceRequest', answered(1, { status: 'disputed' }))
    index.add('inferenceAnswer', answerRow(1))
    index.add('inferenceDispute', disputeRow(1, { deadline: BigInt(ORIGIN + 90_000) }))
    const first = await duty.query(requestContext(), null)
    expect(first).toMatchObject({ upkeep: [{ requestId: 1n }], disputes: [] })
    // It stands then, and the committee rules.
    index.remove('inferenceDispute', () => true)
    index.add('inferenceDispute', disputeRow(1, { seed: sha256('0x5e'), deadline: BigInt(ORIGIN + 90_000) }))
    expect(await duty.query(requestContext(), null)).toMatchObject({
      upkeep: [],
      disputes: [{ requestId: 1n }],
    })
  })

  test('a committee that can not be read leaves the requests as they are', async () => {
    const { index, duty, chain } = validator()
    chain.onCall(() => {
      throw new IyiError('CHAIN_RPC_ERROR', 'no such method', { data: {} })
    })
    index.add('inferenceRequest', answered(1, { status: 'disputed' }), requestRow(2))
    index.add('inferenceAnswer', answerRow(1))
    index.add('inferenceDispute', disputeRow(1))
    expect(await duty.query(requestContext(), null)).toMatchObject({
      disputes: [],
      items: [{ requestId: 2n }],
    })
  })

  test.each<[string, UpkeepItem]>([
    ['that is not due', { requestId: 2n, callbackGasLimit: 0 }],
    ['of a request that nobody made', { requestId: 77n, callbackGasLimit: 0 }],
    ['with another callback', { requestId: 1n, callbackGasLimit: 1 }],
  ])('a follower refuses one %s', async (_, chore) => {
    const { index, query, duty } = validator()
    index.add('inferenceRequest', answered(1, { finalOnly: true }), answered(2))
    index.add('inferenceAnswer', answerRow(1), answerRow(2, { finalAt: BigInt(ORIGIN + 9_000) }))
    const lie = { ...(await query()), upkeep: [chore] }
    await expect(duty.observe(requestContext(), lie, null)).rejects.toMatchObject({
      code: 'ORACLE_BAD_QUERY',
    })
  })

  test('a follower refuses one that rests, or was done', async () => {
    const { index, query, duty } = validator()
    index.add('inferenceRequest', answered(1, { finalOnly: true }))
    index.add('inferenceAnswer', answerRow(1))
    const asked = await query()
    const refused = { code: 'ORACLE_BAD_QUERY' }
    const outcome = duty.outcome(requestContext(), { ...asked, pins: [pin(16)] }, null, [])
    await expect(duty.observe(requestContext(), asked, outcome)).rejects.toMatchObject(refused)
    index.remove('inferenceRequest', () => true)
    index.add('inferenceRequest', answered(1, { finalOnly: true, status: 'final', delivered: true }))
    await expect(duty.observe(requestContext(), asked, null)).rejects.toMatchObject(refused)
    index.remove('inferenceRequest', () => true)
    index.add('inferenceRequest', answered(1, { status: 'final' }))
    const settled = { ...asked, upkeep: [{ requestId: 1n, callbackGasLimit: 0 }] }
    await expect(duty.observe(requestContext(), settled, null)).rejects.toMatchObject(refused)
  })
})
