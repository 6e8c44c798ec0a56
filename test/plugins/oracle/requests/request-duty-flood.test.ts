import { hexToBytes, sha256, toHex } from 'viem'
import { describe, expect, test, vi } from 'vitest'
import { encodeRequestRules } from '../../../../plugins/oracle/requests/request-rules.ts'
import { eventRow } from '../../../adapters/postgres/chain-events.ts'
import { HOME, ORIGIN, pin } from '../kit.ts'
import { answerRow, disputeRow, gave, INPUT, ORACLE, requestContext, requestRow, rules } from './kit.ts'
import { ids, onChain, validator } from './validator.ts'

const account = (at: number) => toHex(at, { size: 20 })
const many = <T>(count: number, make: (at: number) => T) => Array.from({ length: count }, (_, at) => make(at))

/** Requests of as many accounts, each by the hash of an input of its own that nobody has; the oldest of all. */
const undeliverable = (count: number) =>
  many(count, (at) =>
    requestRow(at, {
      ...{ requester: account(at), input: '0x', inputHash: toHex(at, { size: 32 }), inputLength: 128 },
      blockNumber: 2n,
    }),
  )

describe('requests whose inputs nobody delivers', () => {
  test('hide no later one that has its input, on-chain or here', async () => {
    const { index, contents, query } = validator()
    index.add('inferenceRequest', ...undeliverable(10_001))
    index.add('inferenceRequest', requestRow(20_001, { requester: account(20_001), blockNumber: 16n }))
    index.add(
      'inferenceRequest',
      requestRow(20_002, { requester: account(20_002), blockNumber: 17n, input: '0x', inputLength: 128 }),
    )
    await contents.put(hexToBytes(INPUT), { keepMs: 1 })
    expect(ids(await query())).toEqual([20_001, 20_002])
  })

  test('leave room to fetch the input of a later one, and are asked for a few at a time', async () => {
    const { index, contents, duty } = validator()
    index.add('inferenceRequest', ...undeliverable(2_000))
    index.add(
      'inferenceRequest',
      requestRow(20_002, { requester: account(20_002), blockNumber: 17n, input: '0x', inputLength: 128 }),
    )
    contents.elsewhere(hexToBytes(INPUT))
    expect(await duty.query(requestContext(), null)).toBeNull()
    await vi.waitFor(() => expect(contents.sizeOf(sha256(INPUT).slice(2))).not.toBeNull())
    expect(contents.asked.length).toBeLessThanOrEqual(32)
    const found = await duty.query(requestContext(), null)
    expect(found === null ? [] : ids(found)).toEqual([20_002])
  })

  test('are asked for in turns: a look asks for others than the look before', async () => {
    const { index, contents, duty } = validator()
    index.add('inferenceRequest', ...undeliverable(100))
    for (const asked of [32, 64, 96]) {
      await duty.query(requestContext(), null)
      await vi.waitFor(() => expect(contents.asked).toHaveLength(asked))
      expect(new Set(contents.asked).size).toBe(asked)
    }
  })
})

describe('requests that can not be answered', () => {
  test('of one account, however many, keep nobody else waiting', async () => {
    const { index, query } = validator()
    index.add('inferenceRequest', ...many(3_000, (at) => requestRow(at, { blockNumber: 2n })))
    index.add('inferenceRequest', requestRow(20_001, { requester: account(20_001), blockNumber: 16n }))
    expect(ids(await query())).toContain(20_001)
  })

  test('of many accounts, with all the gas that there is, keep a later one waiting for one round', async () => {
    const { index, query } = validator()
    const greedy = { blockNumber: 2n, callbackGasLimit: 1_000_000 }
    index.add(
      'inferenceRequest',
      ...many(1_800, (at) => requestRow(at, { ...greedy, requester: account(at) })),
    )
    index.add('inferenceRequest', requestRow(20_001, { requester: account(20_001), blockNumber: 16n }))
    expect([...ids(await query()), ...ids(await query())]).toContain(20_001)
  })

  test('go behind the others once a second round had no answer either', async () => {
    const { index, duty, query } = validator()
    index.add('inferenceRequest', ...many(3, (at) => requestRow(at, { requester: account(at) })))
    index.add('inferenceRequest', requestRow(9, { requester: account(9), blockNumber: 16n }))
    for (let round = 0; round < 2; round++) {
      const asked = await query()
      expect(ids(asked)).toEqual([0, 1, 2])
      await duty.observe(requestContext(), asked, null)
    }
    expect(ids(await query())).toEqual([9, 0, 1])
  })

  test('hide none between them: each has its turn', async () => {
    const { index, duty } = validator()
    const all = many(5_000, (at) => requestRow(at, { requester: account(at), blockNumber: 2n }))
    index.add('inferenceRequest', ...all)
    // All but one are on their way.
    const resting = all.map(({ requestId }) => ({ requestId, until: ORIGIN + 9_000 }))
    const previous = {
      ...{ oracleId: 'questions', items: [], disputes: [], upkeep: [] },
      pins: [pin(16)] as const,
      resting: resting.filter(({ requestId }) => requestId !== 3_000n),
    }
    const found: number[] = []
    for (let look = 0; look < 8; look++) {
      const asked = await duty.query(requestContext(), previous)
      if (asked !== null) found.push(...ids(asked))
    }
    expect(found).toContain(3_000)
  })
})

describe('disputes without a ruling', () => {
  const opened = (
    found: ReturnType<typeof validator>,
    id: number,
    changes: Parameters<typeof requestRow>[1] = {},
  ) => {
    found.index.add('inferenceRequest', requestRow(id, { status: 'disputed', endedBlock: 8n, ...changes }))
    found.index.add('inferenceAnswer', answerRow(id))
    found.index.add(
      'inferenceDispute',
      disputeRow(id, { challenger: account(id), deadline: BigInt(ORIGIN + 9_000), logIndex: id }),
    )
  }

  test('hide no later one', async () => {
    const found = validator()
    onChain(found.chain, {})
    for (let id = 1; id <= 150; id++) opened(found, id)
    const looks = [await found.query(), await found.query()]
    expect(looks.flatMap(({ disputes }) => disputes.map(({ requestId }) => requestId))).toContain(150n)
  })

  test('do not lose their turn by waiting for a committee, however often they were looked at', async () => {
    const found = validator()
    onChain(found.chain, { committee: null })
    opened(found, 1)
    for (let look = 0; look < 20; look++) await found.duty.query(requestContext(), null)
    onChain(found.chain, {})
    for (let id = 2; id <= 6; id++) opened(found, id)
    const { disputes } = await found.query()
    expect(disputes.map(({ requestId }) => requestId)).toContain(1n)
  })

  test('do not lose their turn because a round had no gas left for them', async () => {
    const found = validator()
    onChain(found.chain, {})
    for (let id = 1; id <= 6; id++) opened(found, id, { callbackGasLimit: 1_000_000 })
    for (let look = 0; look < 20; look++) await found.duty.query(requestContext(), null)
    const first = await found.query()
    await found.duty.observe(requestContext(), first, null)
    await found.duty.observe(requestContext(), first, null)
    expect(first.disputes.map(({ requestId }) => requestId)).toEqual([1n])
    // The next in order, not one that no look had come to.
    expect((await found.query()).disputes.map(({ requestId }) => requestId)).toEqual([2n])
  })

  test('leave requests their turn where a round has room for one thing', async () => {
    const found = validator()
    onChain(found.chain, {})
    for (let id = 1; id <= 5; id++) opened(found, id)
    found.index.add('inferenceRequest', requestRow(9, { blockNumber: 16n }))
    const context = requestContext({
      pluginConfig: hexToBytes(encodeRequestRules({ ...rules, maxRequests: 1 })),
    })
    const looks = [await found.duty.query(context, null), await found.duty.query(context, null)]
    expect(looks.map((look) => look?.disputes.length)).toContain(1)
    expect(looks.map((look) => look?.items.length)).toContain(1)
  })
})

describe('chores', () => {
  const answered = (id: number, changes: Parameters<typeof requestRow>[1] = {}) =>
    requestRow(id, { status: 'answered', endedBlock: 8n, ...changes })

  test('are found behind any number of answers that are not final yet', async () => {
    const { index, duty } = validator()
    const open = many(1_200, (at) => at)
    index.add('inferenceRequest', ...open.map((id) => answered(id, { blockNumber: 2n })))
    index.add('inferenceAnswer', ...open.map((id) => answerRow(id, { finalAt: BigInt(ORIGIN + 9_000) })))
    index.add('inferenceRequest', answered(9_999, { finalOnly: true, blockNumber: 7n }))
    index.add('inferenceAnswer', answerRow(9_999))
    expect(await duty.query(requestContext(), null)).toMatchObject({ upkeep: [{ requestId: 9_999n }] })
  })

  test('that can wait do not keep a callback waiting', async () => {
    const { index, duty } = validator()
    const late = many(20, (at) => at)
    index.add('inferenceRequest', ...late.map((id) => answered(id, { status: 'disputed' })))
    index.add('inferenceAnswer', ...late.map((id) => answerRow(id)))
    index.add('inferenceDispute', ...late.map((id) => disputeRow(id, { deadline: BigInt(ORIGIN + 169) })))
    index.add('inferenceRequest', answered(99, { finalOnly: true }))
    index.add('inferenceAnswer', answerRow(99))
    const found = await duty.query(requestContext(), null)
    expect(found?.upkeep).toHaveLength(16)
    expect(found?.upkeep[0]).toEqual({ requestId: 99n, callbackGasLimit: 100_000 })
  })

  test('that somebody did since the pin fail no round', async () => {
    const { index, duty, query, inference } = validator()
    index.add('inferenceRequest', answered(1, { finalOnly: true }), requestRow(2))
    index.add('inferenceAnswer', answerRow(1))
    inference.answer([42n])
    const asked = await query()
    expect(asked.upkeep).toHaveLength(1)
    index.remove('inferenceRequest', ({ requestId }) => requestId === 1n)
    index.add('inferenceRequest', answered(1, { finalOnly: true, status: 'final', delivered: true }))
    const done = { chainId: HOME, block: 18n, logIndex: 0 }
    const { id, ...event } = eventRow(done, 'inference.InferenceDelivered', { requestId: '1' })
    index.add('event', { id, ...event, address: ORACLE })
    expect(await duty.observe(requestContext(), asked, null)).toEqual({ results: [gave(42)], rulings: [] })
  })
})
