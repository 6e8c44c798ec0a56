import { encodeFunctionResult, hexToBytes, sha256 } from 'viem'
import { describe, expect, test, vi } from 'vitest'
import { inferenceOracleAbi } from '../../../../contracts/abi/InferenceOracle.ts'
import { systemClock } from '../../../../node/adapters/clock/system.ts'
import { InferenceError } from '../../../../node/ports/inference-error.ts'
import { requestDuty } from '../../../../plugins/oracle/requests/request-duty.ts'
import { requestInputs } from '../../../../plugins/oracle/requests/request-inputs.ts'
import { requestOutcome } from '../../../../plugins/oracle/requests/request-outcome.ts'
import type { RequestQuery } from '../../../../plugins/oracle/requests/request-types.ts'
import { memoryChain } from '../../../fakes/chain-reader.ts'
import { memoryTrust } from '../../../fakes/chain-trust.ts'
import { memoryContents } from '../../../fakes/contents.ts'
import { recordingLogger } from '../../../fakes/host-modules.ts'
import { memoryIndex } from '../../../fakes/index-reader.ts'
import { scriptedInference } from '../../../fakes/inference.ts'
import { instantClock } from '../../../fakes/instant-clock.ts'
import { HOME, ORIGIN } from '../kit.ts'
import {
  abstains,
  askable,
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

describe('a follower', () => {
  test('runs the model on the input, as a duty', async () => {
    const { index, duty, query, inference } = validator()
    index.add('inferenceRequest', requestRow(1))
    inference.answer([42n])
    const observation = await duty.observe(requestContext(), await query(), null)
    expect(observation).toEqual({ results: [gave(42)] })
    const [request] = inference.requests
    expect(request).toMatchObject({ model: MODEL, raw: true, priority: 'duty' })
    expect(request?.inputs.features?.data).toEqual(Float32Array.of(1.5, -2))
    duty.validate(requestContext(), await query(), null, observation)
  })

  test('abstains from what no report could hold: its own observation stays valid', async () => {
    const { index, duty, query, inference } = validator()
    index.add('inferenceRequest', requestRow(1))
    const asked = await query()
    for (const values of [[], Array.from({ length: 257 }, () => 1n), [2n ** 255n]]) {
      inference.answer(values)
      const observation = await duty.observe(requestContext(), asked, null)
      expect(observation).toEqual({ results: [{ kind: 'abstained', reason: 'bad-input' }] })
      duty.validate(requestContext(), asked, null, observation)
    }
  })

  test('abstains with the reason: the input’s fault, or its own', async () => {
    const { index, duty, query, inference } = validator()
    index.add('inferenceRequest', requestRow(1, { input: `${INPUT}00`, inputHash: sha256(`${INPUT}00`) }))
    const asked = await query()
    const observe = () => duty.observe(requestContext(), asked, null)
    expect(await observe()).toEqual({ results: [{ kind: 'abstained', reason: 'bad-input' }] })
    index.remove('inferenceRequest', () => true)
    index.add('inferenceRequest', requestRow(1, { inputHash: sha256(`${INPUT}00`) }))
    for (const [code, reason] of [
      ['INFERENCE_NOT_FINITE', 'not-finite'],
      ['INFERENCE_BAD_INPUT', 'bad-input'],
      ['INFERENCE_TIMEOUT', 'unavailable'],
    ] as const) {
      inference.fail(new InferenceError(code, 'pair', 'no'))
      expect(await observe()).toEqual({ results: [{ kind: 'abstained', reason }] })
    }
    inference.set({ status: { ok: false, reason: 'it drifts' } })
    expect(await observe()).toEqual({ results: [{ kind: 'abstained', reason: 'unavailable' }] })
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
  ['too few results', { results: [] }],
  ['no values', { results: [gave()] }],
  ['a value that fits no int256', { results: [gave(2n ** 255n)] }],
  ['too many values', { results: [gave(...Array.from({ length: 257 }, () => 1))] }],
  ['an endless provider', { results: [{ kind: 'values' as const, values: [1n], provider: 'x'.repeat(65) }] }],
])('an observation with %s is not valid', async (_, observation) => {
  const { index, duty, query } = validator()
  index.add('inferenceRequest', requestRow(1))
  const asked = await query()
  expect(() => duty.validate(requestContext(), asked, null, observation)).toThrow(
    expect.objectContaining({ code: 'ORACLE_BAD_OBSERVATION' }),
  )
})

test('a report is sent while one of its requests still waits on-chain', async () => {
  const { index, duty, query, chain } = validator()
  index.add('inferenceRequest', requestRow(1))
  const outcome = duty.outcome(requestContext(), await query(), null, observations(gave(1), gave(1), gave(1)))
  const [report] = duty.reports(requestContext(), outcome)
  if (report === undefined) throw new TypeError('no report')
  let status = 1
  chain.onCall(() => {
    const zero = `0x${'00'.repeat(32)}` as const
    return encodeFunctionResult({
      abi: inferenceOracleAbi,
      functionName: 'getRequest',
      result: {
        ...{
          status,
          requester: '0x00000000000000000000000000000000000000c1',
          modelDigest: zero,
          inputHash: zero,
        },
        ...{
          requestedAt: 0n,
          due: 0n,
          callbackGasLimit: 0,
          minAgreeing: 0,
          finalOnly: false,
          delivered: false,
        },
        ...{ price: 0n, held: 0n },
      },
    })
  })
  await expect(duty.shouldTransmit(requestContext(), report, outcome)).resolves.toBe(true)
  status = 2
  await expect(duty.shouldTransmit(requestContext(), report, outcome)).resolves.toBe(false)
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
    expect(await duty.observe(requestContext(), asked, null)).toEqual({ results: [gave(42)] })
    expect(inference.requests[0]?.inputs.features?.data).toEqual(Float32Array.of(1.5, -2))
    const hash = sha256(INPUT).slice(2)
    expect(contents.kept).toEqual([
      [hash, (ORIGIN + 3_600) * 1_000 + 600_000],
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
    expect(await duty.observe(requestContext(), asked, null)).toEqual({ results: [abstains('unavailable')] })
  })

  test('one of another length than the request pays for is a bad input, at every validator', async () => {
    const { index, contents, duty, query, inference } = validator()
    index.add('inferenceRequest', byHash(1, { inputLength: delivered.length - 1 }))
    await contents.put(delivered, { keepMs: 1 })
    expect(await duty.observe(requestContext(), await query(), null)).toEqual({
      results: [abstains('bad-input')],
    })
    expect(inference.requests).toEqual([])
  })

  test('one that nobody may deliver is not asked for', async () => {
    const { index, contents, duty } = validator()
    index.add('inferenceRequest', byHash(1, { inputLength: 2 ** 20 + 1 }))
    await expect(duty.query(requestContext(), null)).resolves.toBeNull()
    expect(contents.asked).toEqual([])
  })
})
