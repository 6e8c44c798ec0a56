import { parseEventLogs, type TransactionReceipt } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inferenceOracleAbi } from '../../contracts/abi/InferenceOracle.ts'
import { inferenceRequesterAbi } from '../../contracts/abi/InferenceRequester.ts'
import { EVIDENCE, MODEL } from './feed-fixture.ts'
import {
  act,
  answerOf,
  answerTo,
  ask,
  creditOf,
  DISPUTES,
  deployInference,
  deployRequester,
  type Inference,
  MOOD,
  PRICE,
  setMood,
  transmitAnswers,
  transmitVerdicts,
} from './inference-fixture.ts'
import { OUTCOME } from './inference-report.ts'
import { type Network, openNetwork, refusal, sender } from './network.ts'

let network: Network

beforeAll(async () => {
  network = await openNetwork()
})

afterAll(() => network.close())

const told = ({ logs }: TransactionReceipt, ...names: string[]) =>
  parseEventLogs({ abi: inferenceOracleAbi, logs })
    .filter(({ eventName }) => names.includes(eventName))
    .map(({ eventName, args }) => ({ eventName, args }))

const lastAnswer = (oracle: Inference, requester = oracle.requester) =>
  network.public.readContract({ address: requester, abi: inferenceRequesterAbi, functionName: 'lastAnswer' })

const isFinal = (oracle: Inference, id: bigint) =>
  network.public.readContract({
    address: oracle.address,
    abi: inferenceOracleAbi,
    functionName: 'isFinal',
    args: [id],
  })

const claim = (oracle: Inference) =>
  network.public.readContract({
    address: oracle.address,
    abi: inferenceOracleAbi,
    functionName: 'claimable',
    args: [1, oracle.transmitter],
  })

async function pass(seconds: number): Promise<void> {
  await network.test.increaseTime({ seconds })
  await network.test.mine({ blocks: 1 })
}

/** An answered request that somebody challenged, its committee drawn. */
async function disputed(oracle: Inference, epoch: number): Promise<bigint> {
  const { id } = await ask(oracle)
  await transmitAnswers(oracle, epoch, [answerTo(id)])
  await act(oracle, 'challenge', id, { account: sender(network, 4), value: DISPUTES.bond })
  await network.test.mine({ blocks: 5 })
  return id
}

it('answers a batch of which a hostile consumer and a stranger are part', async () => {
  const oracle = await deployInference(network, 4)
  const hostile = await deployRequester(network, oracle.address)
  await setMood(oracle, hostile, MOOD.burnGas)
  const [first, bad, last] = [await ask(oracle), await ask(oracle, { requester: hostile }), await ask(oracle)]
  const receipt = await transmitAnswers(oracle, 1, [
    answerTo(first.id),
    answerTo(bad.id),
    answerTo(77n),
    answerTo(last.id, { values: [1n, -2n, 3n] }),
  ])
  expect(told(receipt, 'CallbackMade', 'AnswerSkipped')).toEqual([
    {
      eventName: 'CallbackMade',
      args: { requestId: first.id, requester: oracle.requester, success: true, isFinal: false },
    },
    {
      eventName: 'CallbackMade',
      args: { requestId: bad.id, requester: hostile, success: false, isFinal: false },
    },
    { eventName: 'AnswerSkipped', args: { requestId: 77n, reason: 0 } },
    {
      eventName: 'CallbackMade',
      args: { requestId: last.id, requester: oracle.requester, success: true, isFinal: false },
    },
  ])
  expect(await lastAnswer(oracle)).toEqual([1n, -2n, 3n])
  expect(await answerOf(oracle, bad.id)).toMatchObject({
    status: 2,
    modelDigest: MODEL,
    outcome: OUTCOME.answered,
    agreeing: 3,
    observers: 4,
    spread: 5n,
    values: [42n],
    evidenceDigest: EVIDENCE,
    isFinal: false,
  })
  expect((await answerOf(oracle, last.id)).values).toEqual([1n, -2n, 3n])

  await pass(DISPUTES.windowSeconds + 1)
  expect(await isFinal(oracle, first.id)).toBe(true)
  const call = { address: oracle.address, abi: inferenceOracleAbi, functionName: 'finalize' } as const
  await network.wallet.writeContract({
    ...call,
    args: [[first.id, bad.id, last.id]],
    account: sender(network, 3),
  })
  expect(await claim(oracle)).toBe((3n * PRICE) / 4n)
})

it('repays what a transmission costs, and gives the rest back', async () => {
  const oracle = await deployInference(network, 4)
  const { id, fee } = await ask(oracle)
  const receipt = await transmitAnswers(oracle, 1, [answerTo(id)])
  const [paid] = parseEventLogs({ abi: inferenceOracleAbi, logs: receipt.logs, eventName: 'InferencePaid' })
  expect(paid?.args.price).toBe(PRICE)
  expect(await creditOf(oracle, oracle.transmitter)).toBe(paid?.args.gasFee)
  expect(await creditOf(oracle, oracle.requester)).toBe(fee - PRICE - (paid?.args.gasFee ?? 0n))
  // Within a tenth of what the transaction took.
  const ratio = Number(paid?.args.gasUsed) / Number(receipt.gasUsed)
  expect(ratio).toBeGreaterThan(0.9)
  expect(ratio).toBeLessThan(1.1)
})

it('gives everything back when nobody answers in time', async () => {
  const oracle = await deployInference(network, 4)
  const { id, fee } = await ask(oracle)
  expect((await refusal(act(oracle, 'refund', id))).name).toBe('InferenceOracle__TooEarly')
  await pass(3601)
  expect(told(await transmitAnswers(oracle, 1, [answerTo(id)]), 'AnswerSkipped')).toEqual([
    { eventName: 'AnswerSkipped', args: { requestId: id, reason: 1 } },
  ])
  await act(oracle, 'refund', id)
  expect(await creditOf(oracle, oracle.requester)).toBe(fee)
  const before = await network.public.getBalance({ address: oracle.requester })
  await network.wallet.writeContract({
    address: oracle.requester,
    abi: inferenceRequesterAbi,
    functionName: 'withdraw',
    account: sender(network, 3),
  })
  expect((await network.public.getBalance({ address: oracle.requester })) - before).toBe(fee)
})

it('lets a committee uphold an answer', async () => {
  const oracle = await deployInference(network, 10)
  const id = await disputed(oracle, 1)
  const drawn = await network.public.readContract({
    address: oracle.address,
    abi: inferenceOracleAbi,
    functionName: 'committee',
    args: [id],
  })
  expect(new Set(drawn).size).toBe(DISPUTES.size)
  const verdict = { requestId: id, upheld: true, votes: 3, committeeSize: 3, distance: 0n, values: [] }
  const receipt = await transmitVerdicts(oracle, 2, [verdict])
  const [resolved] = parseEventLogs({
    abi: inferenceOracleAbi,
    logs: receipt.logs,
    eventName: 'DisputeResolved',
  })
  expect(resolved?.args).toMatchObject({
    requestId: id,
    upheld: true,
    challenger: sender(network, 4),
    reward: 0n,
  })
  expect(await answerOf(oracle, id)).toMatchObject({ status: 5, values: [42n], isFinal: true })
  expect(await creditOf(oracle, sender(network, 4))).toBe(0n)
  const income = PRICE + DISPUTES.bond - (resolved?.args.gasFee ?? 0n)
  expect(resolved?.args.income).toBe(income)
  // Price and bond are split one after the other; what can't be split waits.
  expect((await claim(oracle)) * 10n).toBeGreaterThan(income - 10n)
})

it('lets a committee overturn an answer', async () => {
  const oracle = await deployInference(network, 4)
  const id = await disputed(oracle, 1)
  const verdict = { requestId: id, upheld: false, votes: 2, committeeSize: 3, distance: 49n, values: [-7n] }
  const receipt = await transmitVerdicts(oracle, 2, [verdict])
  expect(told(receipt, 'CallbackMade')).toEqual([
    {
      eventName: 'CallbackMade',
      args: { requestId: id, requester: oracle.requester, success: true, isFinal: true },
    },
  ])
  expect(await lastAnswer(oracle)).toEqual([-7n])
  expect(await answerOf(oracle, id)).toMatchObject({ status: 6, values: [-7n], agreeing: 2, isFinal: true })
  expect(await creditOf(oracle, sender(network, 4))).toBe(DISPUTES.bond + PRICE)
  expect(await claim(oracle)).toBe(0n)
})
