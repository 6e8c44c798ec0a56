import { sha256 } from 'viem'
import { describe, expect, test } from 'vitest'
import type { ModelInfo } from '../../../../node/ports/inference.ts'
import { InferenceError, type InferenceErrorCode } from '../../../../node/ports/inference-error.ts'
import { requestOutcome } from '../../../../plugins/oracle/requests/request-outcome.ts'
import type { Abstention, RequestQuery } from '../../../../plugins/oracle/requests/request-types.ts'
import { abstains, gave, INPUT, item, MODEL, observations, requestContext, requestRow, rules } from './kit.ts'
import { validator } from './validator.ts'

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
