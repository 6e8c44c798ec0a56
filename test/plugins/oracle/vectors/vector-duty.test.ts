import fc from 'fast-check'
import { encodeAbiParameters, keccak256, toFunctionSelector } from 'viem'
import { describe, expect, test } from 'vitest'
import type { FeedRules } from '../../../../plugins/oracle/contract-config.ts'
import { feedDuty } from '../../../../plugins/oracle/feed-duty.ts'
import type { FeedOutcome, OnchainRound } from '../../../../plugins/oracle/feed-types.ts'
import { vectorKind } from '../../../../plugins/oracle/kinds/vector.ts'
import { modelGate } from '../../../../plugins/oracle/model-gate.ts'
import { rangeWatch } from '../../../../plugins/oracle/range-watch.ts'
import { evidenceDigest } from '../../../../plugins/oracle/report.ts'
import { vector } from '../../../../plugins/oracle/values/vector.ts'
import {
  vectorObservationCodec,
  vectorOutcomeCodec,
} from '../../../../plugins/oracle/values/vector-codecs.ts'
import { memoryChain } from '../../../fakes/chain-reader.ts'
import { memoryTrust } from '../../../fakes/chain-trust.ts'
import { recordingLogger, recordingMetrics } from '../../../fakes/host-modules.ts'
import { memoryIndex } from '../../../fakes/index-reader.ts'
import { scriptedInference } from '../../../fakes/inference.ts'
import { instantClock } from '../../../fakes/instant-clock.ts'
import { AWAY, HOME, ORIGIN, pin, vectorContext, vectorFeedConfig, vectorRow } from '../kit.ts'

type Vector = readonly bigint[]

const MODEL = keccak256('0x07')
const query = { pins: [pin(17), pin(18, { chainId: AWAY })] }
const NOW = ORIGIN + 170

/** A validator of a feed of three elements. */
function validator(observed: Vector = [100n, 200n, 300n]) {
  const chain = memoryChain([
    { id: HOME, confirmations: 2 },
    { id: AWAY, confirmations: 1 },
  ])
  const index = memoryIndex()
  const inference = scriptedInference(MODEL)
  let latest = 0
  chain.onCall((_chainId, { data }) =>
    encodeAbiParameters(
      [{ type: 'uint256' }],
      [BigInt(data.startsWith(toFunctionSelector('decimals()')) ? 8 : latest)],
    ),
  )
  for (const chainId of [HOME, AWAY]) {
    chain.grow(chainId, 20)
    index.setHead(chainId, 19n)
  }
  const feed = vectorFeedConfig()
  const duty = feedDuty(feed, vectorKind, {
    chain,
    index,
    trust: memoryTrust(chain),
    clock: instantClock(),
    source: { observe: async () => observed },
    checkModel: modelGate(feed, undefined, { index, inference }),
    watch: rangeWatch({ feed: feed.id }, { log: recordingLogger(), metrics: recordingMetrics() }),
  })
  const setLatest = (timestamp: number) => {
    latest = timestamp
  }
  return { duty, index, inference, setLatest }
}

const { duty } = validator()

function run(
  values: readonly Vector[],
  changes: {
    rules?: Partial<FeedRules>
    onchain?: OnchainRound<Vector> | null
    previous?: FeedOutcome<Vector>
  } = {},
) {
  return duty.outcome(
    vectorContext(MODEL, changes.rules),
    query,
    changes.previous ?? null,
    values.map((value, oracle) => ({ oracle, value: { value, onchain: changes.onchain ?? null } })),
  )
}

describe('observation', () => {
  test('the vector of the model and the newest report on-chain, in range or not', async () => {
    const { duty, index } = validator()
    index.add('feedVectorRound', vectorRow(10, [1n, 2n, 3n]))
    index.add('feedVectorRound', vectorRow(12, [-9n, 2n, 3n], { accepted: false, roundId: 0n }))
    await expect(duty.observe(vectorContext(MODEL), query, null)).resolves.toEqual({
      value: [100n, 200n, 300n],
      onchain: { answer: [-9n, 2n, 3n], timestamp: ORIGIN + 120 },
    })
  })

  test('a vector that does not fit the contract’s labels is not given', async () => {
    const bad = { code: 'ORACLE_BAD_OBSERVATION' }
    await expect(validator([1n, 2n]).duty.observe(vectorContext(MODEL), query, null)).rejects.toMatchObject(
      bad,
    )
    const wide = [1n, 2n, 2n ** 191n]
    await expect(validator(wide).duty.observe(vectorContext(MODEL), query, null)).rejects.toMatchObject(bad)
  })

  test('nor taken of others, nor a round of another length', () => {
    const good = { value: [1n, 2n, 3n], onchain: { answer: [1n, 2n, 3n], timestamp: 1 } }
    const validate = (observation: typeof good) =>
      duty.validate(vectorContext(MODEL), query, null, observation)
    expect(() => validate(good)).not.toThrow()
    const bad = expect.objectContaining({ code: 'ORACLE_BAD_OBSERVATION' })
    expect(() => validate({ ...good, value: [1n, 2n] })).toThrow(bad)
    expect(() => validate({ ...good, onchain: { answer: [], timestamp: 1 } })).toThrow(bad)
  })

  test('a contract that agrees otherwise than the model asks for is refused', async () => {
    const { duty, inference } = validator()
    const mismatch = { code: 'ORACLE_MODEL_MISMATCH' }
    const medoid = vectorContext(MODEL, { agreement: 'medoid' })
    await expect(duty.observe(medoid, query, null)).rejects.toMatchObject(mismatch)
    inference.set({ agreement: { rule: 'medoid', tolerances: [{ absolute: '1', relativePpm: 0 }] } })
    await expect(duty.observe(medoid, query, null)).resolves.toMatchObject({ onchain: null })
    await expect(duty.observe(vectorContext(MODEL), query, null)).rejects.toMatchObject(mismatch)
    inference.set({ agreement: { rule: 'class', margin: '1' } })
    await expect(duty.observe(vectorContext(MODEL), query, null)).rejects.toMatchObject(mismatch)
  })
})

describe('outcome', () => {
  const truth = [
    [1_000n, 20_000n, 5n],
    [1_002n, 20_001n, 5n],
    [1_001n, 20_003n, 6n],
  ]

  test('the middle of every element, without who is far away in any of them', () => {
    const liar = [1_001n, 20_001n, 5_000n]
    const outcome = run([...truth, liar])
    expect(outcome).toMatchObject({
      answer: [1_001n, 20_001n, 5n],
      agreed: true,
      spread: 3n,
      due: true,
      timestamp: NOW,
      lastReport: { answer: [1_001n, 20_001n, 5n], timestamp: NOW },
    })
    expect(outcome.observations.map(({ accepted }) => accepted)).toEqual([true, true, true, false])
  })

  test('with the medoid the vector of a validator', () => {
    const outcome = run([...truth, [1_003n, 20_003n, 7n]], { rules: { agreement: 'medoid' } })
    expect(outcome.agreed).toBe(true)
    expect(outcome.observations.map(({ value }) => value)).toContainEqual(outcome.answer)
  })

  test('no agreement makes no answer and no report', () => {
    const outcome = run([
      [1_000n, 1n, 1n],
      [2_000n, 1n, 1n],
      [3_000n, 1n, 1n],
    ])
    expect(outcome).toMatchObject({ agreed: false, due: false, answer: [], lastReport: null })
    expect(duty.reports(vectorContext(MODEL), outcome)).toEqual([])
    expect(vectorOutcomeCodec.decode(vectorOutcomeCodec.encode(outcome))).toEqual(outcome)
  })

  test('any element that moves by the deviation is worth a report; less is none until it is old', () => {
    const rules = { deviationPpm: 10_000 }
    const same = (value: Vector) => [value, value, value]
    const onchain = { answer: [1_000n, 2_000n, 0n], timestamp: NOW - 100 }
    expect(run(same([1_009n, 2_019n, 0n]), { rules, onchain })).toMatchObject({
      due: false,
      lastReport: onchain,
    })
    expect(run(same([1_000n, 2_000n, 11n]), { rules, onchain }).due).toBe(true)
    expect(run(same([1_000n, 1_980n, 0n]), { rules, onchain }).due).toBe(true)
    const old = { ...onchain, timestamp: NOW - 600 }
    expect(run(same(onchain.answer), { rules, onchain: old }).due).toBe(true)
  })

  test('a move within the absolute tolerance is none, however few units an element has', () => {
    const onchain = { answer: [0n, 5n, 1_000_000n], timestamp: NOW - 100 }
    const due = (answer: Vector, rules: object) =>
      run([answer, answer, answer], { rules: { toleranceAbsolute: 10n, ...rules }, onchain }).due
    const rules = { deviationPpm: 10_000 }
    expect(due([10n, -5n, 1_000_000n], rules)).toBe(false)
    expect(due([11n, 5n, 1_000_000n], rules)).toBe(true)
    expect(due([0n, -6n, 1_000_000n], rules)).toBe(true)
    expect(due([0n, 5n, 1_000_000n], { deviationPpm: 0 })).toBe(true)
  })

  test('f liars neither move an element out of the honest range nor prevent agreement', () => {
    const element = fc.bigInt({ min: -(2n ** 191n), max: 2n ** 191n - 1n })
    const lie = fc.tuple(element, element, element)
    const near = fc.tuple(...[0, 1, 2].map(() => fc.bigInt({ min: 1_000_000n, max: 1_000_010n })))
    fc.assert(
      fc.property(
        fc.array(near, { minLength: 3, maxLength: 3 }),
        lie,
        fc.nat({ max: 3 }),
        (honest, liar, at) => {
          const outcome = run([...honest.slice(0, at), liar, ...honest.slice(at)])
          expect(outcome.agreed).toBe(true)
          outcome.answer.forEach((value, i) => {
            const column = honest.map((each) => each[i] ?? 0n).sort((a, b) => Number(a - b))
            expect(value >= (column[0] ?? 0n) && value <= (column[2] ?? 0n)).toBe(true)
          })
        },
      ),
      { numRuns: 200 },
    )
  })

  test('the same whatever a liar says is on-chain', () => {
    const onchain = { answer: [1n, 2n, 3n], timestamp: NOW - 100 }
    const value = [1n, 2n, 3n]
    const lies = [{ answer: [2n ** 190n, 0n, 0n], timestamp: NOW + 9_999 }, null]
    for (const lie of lies) {
      const outcome = duty.outcome(vectorContext(MODEL), query, null, [
        { oracle: 0, value: { value, onchain } },
        { oracle: 1, value: { value, onchain: lie } },
        { oracle: 2, value: { value, onchain } },
      ])
      expect(outcome).toMatchObject({ due: false, lastReport: onchain })
    }
  })
})

describe('report', () => {
  const outcome = run([
    [1_000n, -20_000n, 5n],
    [1_002n, -20_001n, 5n],
    [1_001n, -20_003n, 6n],
    [0n, 0n, 0n],
  ])

  test('says the vector, how many agree, how far apart, and the digest of the evidence', async () => {
    const [report] = duty.reports(vectorContext(MODEL), outcome)
    if (report === undefined) throw new TypeError('no report')
    const word = (at: number) =>
      BigInt(`0x${Buffer.from(report.payload.subarray(32 * at, 32 * at + 32)).toString('hex')}`)
    expect(report.payload).toHaveLength(11 * 32)
    expect([0, 3, 4, 5, 6, 7].map(word)).toEqual([BigInt(NOW), 3n, 4n, 3n, 224n, 3n])
    expect(word(1)).toBe(BigInt(evidenceDigest(vector, outcome)))
    expect(vectorKind.decodeReport(report.payload)).toEqual({
      observationsTimestamp: NOW,
      answer: outcome.answer,
    })
    const { duty: other, setLatest } = validator()
    setLatest(NOW)
    await expect(other.shouldTransmit(vectorContext(MODEL), report, outcome)).resolves.toBe(false)
    setLatest(NOW - 1)
    await expect(other.shouldTransmit(vectorContext(MODEL), report, outcome)).resolves.toBe(true)
  })

  test('codecs give back what they wrote, and take nothing else', () => {
    expect(vectorOutcomeCodec.decode(vectorOutcomeCodec.encode(outcome))).toEqual(outcome)
    for (const onchain of [null, { answer: [1n, -2n, 3n], timestamp: 7 }]) {
      const observation = { value: [-1n, 2n ** 191n - 1n, 0n], onchain }
      const bytes = vectorObservationCodec.encode(observation)
      expect(vectorObservationCodec.decode(bytes)).toEqual(observation)
      const badBytes = expect.objectContaining({ code: 'ORACLE_BAD_BYTES' })
      expect(() => vectorObservationCodec.decode(Uint8Array.of(...bytes, 0))).toThrow(badBytes)
      expect(() => vectorObservationCodec.decode(bytes.subarray(32))).toThrow(badBytes)
    }
  })
})
