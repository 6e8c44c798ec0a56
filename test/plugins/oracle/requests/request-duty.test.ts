import { decodeFunctionData, encodeFunctionResult, hexToBytes, sha256, zeroHash } from 'viem'
import { describe, expect, test, vi } from 'vitest'
import { inferenceOracleAbi } from '../../../../contracts/abi/InferenceOracle.ts'
import { systemClock } from '../../../../node/adapters/clock/system.ts'
import { IyiError } from '../../../../node/ports/errors.ts'
import type { ModelInfo } from '../../../../node/ports/inference.ts'
import { InferenceError, type InferenceErrorCode } from '../../../../node/ports/inference-error.ts'
import { requestDuty } from '../../../../plugins/oracle/requests/request-duty.ts'
import { requestInputs } from '../../../../plugins/oracle/requests/request-inputs.ts'
import { requestOutcome } from '../../../../plugins/oracle/requests/request-outcome.ts'
import { readReport } from '../../../../plugins/oracle/requests/request-report.ts'
import type {
  Abstention,
  DisputeItem,
  RequestQuery,
  UpkeepItem,
} from '../../../../plugins/oracle/requests/request-types.ts'
import { memoryChain } from '../../../fakes/chain-reader.ts'
import { memoryTrust } from '../../../fakes/chain-trust.ts'
import { memoryContents } from '../../../fakes/contents.ts'
import { recordingLogger } from '../../../fakes/host-modules.ts'
import { memoryIndex } from '../../../fakes/index-reader.ts'
import { scriptedInference } from '../../../fakes/inference.ts'
import { instantClock } from '../../../fakes/instant-clock.ts'
import { HOME, ORIGIN, pin } from '../kit.ts'
import {
  abstains,
  answerRow,
  askable,
  asking,
  dispute,
  disputeRow,
  gave,
  INPUT,
  inferenceConfig,
  item,
  MODEL,
  observations,
  requestContext,
  requestRow,
  rules,
} from './kit.ts'

/** A validator whose chain has 2 confirmations and 20 blocks: what waits is looked at in block 17. */
function validator() {
  const chain = memoryChain([{ id: HOME, confirmations: 2 }])
  const index = memoryIndex()
  const inference = scriptedInference(MODEL)
  inference.set(askable)
  chain.grow(HOME, 20)
  index.setHead(HOME, 19n)
  const contents = memoryContents()
  const now = () => ORIGIN * 1_000
  const inputs = requestInputs(
    { keepMs: 600_000, keepAnsweredMs: 86_400_000 },
    { contents, clock: { ...systemClock, now } },
  )
  const duty = requestDuty(inferenceConfig(), {
    ...{ chain, index, inference, inputs, trust: memoryTrust(chain) },
    ...{ clock: instantClock(), log: recordingLogger() },
  })
  const query = async (previous: Parameters<typeof duty.query>[1] = null) => {
    const found = await duty.query(requestContext(), previous)
    if (found === null) throw new TypeError('there is nothing to do')
    return found
  }
  return { chain, index, inference, contents, duty, query }
}

const ids = ({ items }: RequestQuery) => items.map(({ requestId }) => Number(requestId))

describe('a leader', () => {
  test('takes the oldest requests that wait at the pin, as many as a report has room for', async () => {
    const { index, query, duty } = validator()
    await expect(duty.query(requestContext(), null)).resolves.toBeNull()
    index.add(
      'inferenceRequest',
      requestRow(4, { blockNumber: 9n }),
      requestRow(3, { blockNumber: 8n }),
      requestRow(1),
      requestRow(2, { blockNumber: 18n }),
      requestRow(5, { blockNumber: 10n }),
      requestRow(6, { oracle: '0x00000000000000000000000000000000000000ff' }),
      requestRow(7, { deadline: BigInt(ORIGIN + 100) }),
      requestRow(8, { endedBlock: 16n }),
      // Answered above the pin: at the pin it waits.
      requestRow(9, { blockNumber: 4n, endedBlock: 18n }),
      requestRow(10, { modelDigest: `0x${'99'.repeat(32)}`, blockNumber: 1n }),
      // Its input is not on-chain; and one that a report would reach too late.
      requestRow(11, { input: '0x', blockNumber: 2n }),
      requestRow(12, { deadline: BigInt(ORIGIN + 170 + 30), blockNumber: 2n }),
    )
    expect(ids(await query())).toEqual([9, 1, 3])
  })

  test('takes fewer where many validators’ results must fit into an outcome', async () => {
    const { index, duty } = validator()
    index.add('inferenceRequest', requestRow(1), requestRow(2), requestRow(3))
    const found = await duty.query(requestContext({ n: 48 }), null)
    expect(found === null ? [] : ids(found)).toEqual([1, 2])
  })

  test('lets the requesters take turns: many questions of one keep nobody else waiting', async () => {
    const { index, query } = validator()
    const other = { requester: '0x00000000000000000000000000000000000000c9' } as const
    index.add(
      'inferenceRequest',
      ...[1, 2, 3, 4].map((id) => requestRow(id, { blockNumber: 5n })),
      requestRow(5, { ...other, blockNumber: 12n }),
      requestRow(6, { ...other, blockNumber: 13n }),
    )
    expect(ids(await query())).toEqual([1, 5, 2])
  })

  test('leaves out what rests, and what has too much gas beside others', async () => {
    const { index, query } = validator()
    index.add(
      'inferenceRequest',
      requestRow(1, { callbackGasLimit: 900_000 }),
      requestRow(2, { callbackGasLimit: 200_000 }),
      requestRow(3, { callbackGasLimit: 50_000 }),
    )
    const first = await query()
    expect(ids(first)).toEqual([1, 3])
    const previous = requestOutcome(
      { oracleId: 'questions', n: 4, f: 1, rules },
      { ...first, pins: [{ ...first.pins[0], number: 16n, hash: sha256('0x16') }], items: [item(1)] },
      null,
      observations(gave(1), gave(1), gave(1)),
    )
    expect(ids(await query(previous))).toEqual([2, 3])
  })
})

interface Trouble {
  readonly fails?: InferenceErrorCode
  readonly status?: ModelInfo['status']
}

describe('a follower', () => {
  test('runs the model on the input, as a duty', async () => {
    const { index, duty, query, inference } = validator()
    index.add('inferenceRequest', requestRow(1))
    inference.answer([42n])
    const observation = await duty.observe(requestContext(), await query(), null)
    expect(observation).toEqual({ results: [gave(42)], rulings: [] })
    const [request] = inference.requests
    expect(request).toMatchObject({ model: MODEL, raw: true, priority: 'request' })
    expect(request?.inputs.features?.data).toEqual(Float32Array.of(1.5, -2))
    duty.validate(requestContext(), await query(), null, observation)
  })

  test('abstains from what no report could hold: its own observation stays valid', async () => {
    for (const values of [[], Array.from({ length: 257 }, () => 1n), [2n ** 255n]]) {
      const { index, duty, query, inference } = validator()
      index.add('inferenceRequest', requestRow(1))
      const asked = await query()
      inference.answer(values)
      const observation = await duty.observe(requestContext(), asked, null)
      expect(observation).toEqual({ results: [{ kind: 'abstained', reason: 'bad-input' }], rulings: [] })
      duty.validate(requestContext(), asked, null, observation)
    }
  })

  test.each<[string, Parameters<typeof requestRow>[1], Trouble | undefined, Abstention]>([
    ['an input that is none', { input: `${INPUT}00` }, undefined, 'bad-input'],
    ['an output that is not finite', {}, { fails: 'INFERENCE_NOT_FINITE' }, 'not-finite'],
    ['an input that the model refuses', {}, { fails: 'INFERENCE_BAD_INPUT' }, 'bad-input'],
    ['a run that takes too long', {}, { fails: 'INFERENCE_TIMEOUT' }, 'unavailable'],
    ['an input that harms the machine', {}, { fails: 'INFERENCE_HARMFUL' }, 'unavailable'],
    ['a model that is refused', {}, { status: { ok: false, reason: 'it drifts' } }, 'unavailable'],
  ])('abstains with the reason: %s', async (_, row, trouble, reason) => {
    const { index, duty, query, inference } = validator()
    index.add('inferenceRequest', requestRow(1, { ...row, inputHash: sha256(row?.input ?? INPUT) }))
    const asked = await query()
    if (trouble?.fails !== undefined) inference.fail(new InferenceError(trouble.fails, 'pair', 'no'))
    if (trouble?.status !== undefined) inference.set({ status: trouble.status })
    expect(await duty.observe(requestContext(), asked, null)).toEqual({
      ...{ results: [{ kind: 'abstained', reason }], rulings: [] },
    })
  })

  test.each<[string, (query: RequestQuery) => RequestQuery, string]>([
    ['a request that nobody made', (q) => ({ ...q, items: [item(77)] }), 'ORACLE_BAD_QUERY'],
    [
      'another model',
      (q) => ({ ...q, items: [item(1, { modelDigest: `0x${'01'.repeat(32)}` })] }),
      'ORACLE_BAD_QUERY',
    ],
    ['another input', (q) => ({ ...q, items: [item(1, { inputHash: sha256('0x01') })] }), 'ORACLE_BAD_QUERY'],
    ['a laxer quorum', (q) => ({ ...q, items: [item(1, { minAgreeing: 1 })] }), 'ORACLE_BAD_QUERY'],
    [
      'a laxer rule',
      (q) => ({ ...q, items: [item(1, { rule: item(1).rule.replace('"10"', '"99999999"') })] }),
      'ORACLE_BAD_QUERY',
    ],
    ['a request twice', (q) => ({ ...q, items: [item(1), item(1)] }), 'ORACLE_BAD_QUERY'],
    ['no request', (q) => ({ ...q, items: [] }), 'ORACLE_BAD_QUERY'],
    [
      'more than a report takes',
      (q) => ({ ...q, items: [1, 2, 3, 4].map((id) => item(id)) }),
      'ORACLE_BAD_QUERY',
    ],
    [
      'a block of another branch',
      (q) => ({ ...q, pins: [{ ...q.pins[0], hash: sha256('0x02') }] }),
      'ORACLE_BAD_PIN',
    ],
  ])('refuses %s', async (_, change, code) => {
    const { index, duty, query } = validator()
    index.add('inferenceRequest', ...[1, 2, 3, 4].map((id) => requestRow(id)))
    const lie = change({ ...(await query()), items: [item(1)] })
    await expect(duty.observe(requestContext(), lie, null)).rejects.toMatchObject({ code })
  })

  test('refuses a request whose report is on its way', async () => {
    const { index, duty, query } = validator()
    index.add('inferenceRequest', requestRow(1))
    const asked = await query()
    const previous = {
      ...requestOutcome(
        { oracleId: 'q', n: 4, f: 1, rules },
        asked,
        null,
        observations(gave(1), gave(1), gave(1)),
      ),
      pins: [{ ...asked.pins[0], number: 16n, hash: sha256('0x16') }] as const,
    }
    await expect(duty.observe(requestContext(), asked, previous)).rejects.toMatchObject({
      code: 'ORACLE_BAD_QUERY',
    })
  })
})

test.each([
  ['too few results', { results: [], rulings: [] }],
  ['a ruling on nothing', { results: [gave(1)], rulings: [gave(1)] }],
  ['no values', { results: [gave()], rulings: [] }],
  ['a value that fits no int256', { results: [gave(2n ** 255n)], rulings: [] }],
  ['too many values', { results: [gave(...Array.from({ length: 257 }, () => 1))], rulings: [] }],
  [
    'an endless provider',
    { results: [{ kind: 'values' as const, values: [1n], provider: 'x'.repeat(65) }], rulings: [] },
  ],
])('an observation with %s is not valid', async (_, observation) => {
  const { index, duty, query } = validator()
  index.add('inferenceRequest', requestRow(1))
  const asked = await query()
  expect(() => duty.validate(requestContext(), asked, null, observation)).toThrow(
    expect.objectContaining({ code: 'ORACLE_BAD_OBSERVATION' }),
  )
})

/** The contract says that of every request, and that these oracles were drawn. */
function onChain(
  chain: ReturnType<typeof validator>['chain'],
  says: { status?: number; due?: number; delivered?: boolean; committee?: readonly number[] | null },
) {
  chain.onCall((_, { data }) => {
    const { functionName } = decodeFunctionData({ abi: inferenceOracleAbi, data })
    if (functionName === 'committee') {
      const { committee = [3, 0, 1] } = says
      if (committee === null) throw new IyiError('CHAIN_CALL_REVERTED', 'not drawn', { data: {} })
      return encodeFunctionResult({ abi: inferenceOracleAbi, functionName, result: [...committee] })
    }
    return encodeFunctionResult({
      abi: inferenceOracleAbi,
      functionName: 'getRequest',
      result: {
        ...{ status: says.status ?? 1, requester: '0x00000000000000000000000000000000000000c1' },
        ...{ modelDigest: zeroHash, inputHash: zeroHash, requestedAt: 0n, callbackGasLimit: 0 },
        ...{ due: BigInt(says.due ?? ORIGIN + 10_000), minAgreeing: 0, finalOnly: true },
        ...{ delivered: says.delivered ?? false, price: 0n, held: 0n },
      },
    })
  })
}

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

describe('a model that takes longer than a round waits', () => {
  test('is run on: the next round has its result at once, and it was run once', async () => {
    const { index, duty, query, inference } = validator()
    index.add('inferenceRequest', requestRow(1))
    const asked = await query()
    const slow = inference.hold()
    const observe = () => duty.observe(requestContext(), asked, null)
    expect((await observe()).results).toEqual([abstains('unavailable')])
    expect((await observe()).results).toEqual([abstains('unavailable')])
    slow.answer([42n])
    await Promise.resolve()
    expect((await observe()).results).toEqual([gave(42)])
    expect(inference.requests).toHaveLength(1)
    expect(inference.requests[0]?.signal?.aborted).toBe(false)
  })

  test('is not run again at once after own trouble', async () => {
    const { index, duty, query, inference } = validator()
    index.add('inferenceRequest', requestRow(1))
    const asked = await query()
    inference.fail(new InferenceError('INFERENCE_TIMEOUT', 'pair', 'no'))
    for (let round = 0; round < 3; round++)
      expect((await duty.observe(requestContext(), asked, null)).results).toEqual([abstains('unavailable')])
    expect(inference.requests).toHaveLength(1)
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

test('a report asks for the gas that its callbacks may burn, whatever an estimate says', () => {
  const { duty } = validator()
  const gasOf = (callbackGasLimit: number) => {
    const query = asking([pin(17)], [item(1, { callbackGasLimit })])
    const outcome = duty.outcome(requestContext(), query, null, observations(gave(1), gave(1), gave(1)))
    return Number(duty.reports(requestContext(), outcome)[0]?.leastGas ?? 0n)
  }
  expect(gasOf(1_000_000) - gasOf(0)).toBeGreaterThan((1_000_000 * 64) / 63)
})

describe('an input that a request names by its hash', () => {
  const delivered = hexToBytes(INPUT)
  const byHash = (requestId: number, changes: Parameters<typeof requestRow>[1] = {}) =>
    requestRow(requestId, { input: '0x', inputLength: delivered.length, ...changes })

  test('a leader takes its request once the input is here, and fetches it until then', async () => {
    const { index, contents, duty, query } = validator()
    index.add('inferenceRequest', byHash(1), requestRow(2))
    expect(ids(await query())).toEqual([2])
    await vi.waitFor(() => expect(contents.asked).toEqual([sha256(INPUT).slice(2)]))
    await contents.put(delivered, { keepMs: 1 })
    expect(ids(await query())).toEqual([1, 2])
    await expect(duty.query(requestContext(), null)).resolves.not.toBeNull()
  })

  test('a follower answers with what it has or fetches, and keeps it for a dispute', async () => {
    const { index, contents, duty, query, inference } = validator()
    index.add('inferenceRequest', byHash(1))
    await contents.put(delivered, { keepMs: 1 })
    const asked = await query()
    contents.lose(sha256(INPUT))
    contents.elsewhere(delivered)
    inference.answer([42n])
    expect(await duty.observe(requestContext(), asked, null)).toEqual({ results: [gave(42)], rulings: [] })
    expect(inference.requests[0]?.inputs.features?.data).toEqual(Float32Array.of(1.5, -2))
    const hash = sha256(INPUT).slice(2)
    const waits = [hash, (ORIGIN + 3_600) * 1_000 + 600_000]
    expect(contents.kept).toEqual([
      // In the leader's query, and when it came.
      ...[waits, waits],
      // Answered: somebody may dispute it.
      [hash, ORIGIN * 1_000 + 86_400_000],
    ])
  })

  test('a follower that can not have it abstains for its own part', async () => {
    const { index, contents, duty, query } = validator()
    index.add('inferenceRequest', byHash(1))
    await contents.put(delivered, { keepMs: 1 })
    const asked = await query()
    contents.lose(sha256(INPUT))
    expect(await duty.observe(requestContext(), asked, null)).toEqual({
      results: [abstains('unavailable')],
      rulings: [],
    })
  })

  test('one of another length than the request pays for is a bad input, at every validator', async () => {
    const { index, contents, duty, query, inference } = validator()
    index.add('inferenceRequest', byHash(1, { inputLength: delivered.length - 1 }))
    await contents.put(delivered, { keepMs: 1 })
    expect(await duty.observe(requestContext(), await query(), null)).toEqual({
      results: [abstains('bad-input')],
      rulings: [],
    })
    expect(inference.requests).toEqual([])
    expect(contents.kept).toEqual([])
  })

  test('a request does not keep an input for as long as it likes, and renews it while it waits', async () => {
    const { index, contents, query } = validator()
    index.add('inferenceRequest', byHash(1, { deadline: BigInt(ORIGIN + 365 * 86_400) }))
    await contents.put(delivered, { keepMs: 1 })
    await query()
    await query()
    const until = contents.kept.map(([, untilMs]) => untilMs - ORIGIN * 1_000)
    expect(until).toHaveLength(2)
    for (const ms of until) expect(ms).toBeLessThanOrEqual(3_600_000 + 600_000 + 600_000)
  })

  test('what the model does not take is not kept for a dispute', async () => {
    const { index, contents, duty, query } = validator()
    const odd = Uint8Array.of(1, 2, 3)
    index.add('inferenceRequest', byHash(1, { inputHash: sha256(odd), inputLength: odd.length }))
    await contents.put(odd, { keepMs: 1 })
    expect(await duty.observe(requestContext(), await query(), null)).toMatchObject({
      results: [abstains('bad-input')],
    })
    for (const [, untilMs] of contents.kept) expect(untilMs).toBeLessThan((ORIGIN + 86_400) * 1_000)
  })

  test('however many others are delivered, an older one is found', async () => {
    const { index, contents, query } = validator()
    index.add('inferenceRequest', byHash(1))
    await contents.put(delivered, { keepMs: 1 })
    for (let i = 0; i < 1_500; i++) await contents.put(Uint8Array.of(i % 256, i >> 8, 7), { keepMs: 1 })
    expect(ids(await query())).toEqual([1])
  })

  test('one that nobody may deliver is not asked for', async () => {
    const { index, contents, duty } = validator()
    index.add('inferenceRequest', byHash(1, { inputLength: 2 ** 20 + 1 }))
    await expect(duty.query(requestContext(), null)).resolves.toBeNull()
    expect(contents.asked).toEqual([])
  })
})
