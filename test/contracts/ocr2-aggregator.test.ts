import {
  type Abi,
  decodeFunctionData,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  hexToBytes,
  pad,
  parseAbiParameters,
  parseEventLogs,
  zeroHash,
} from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { iOcr2AggregatorAbi } from '../../contracts/abi/IOcr2Aggregator.ts'
import { ocr2AggregatorAbi } from '../../contracts/abi/Ocr2Aggregator.ts'
import type { AttestedReport, Report } from '../../node/ports/quorum.ts'
import { readQuorumConfig } from '../../node/quorum/config.ts'
import { placeReport } from '../../node/quorum/digest.ts'
import { transmitData } from '../../node/quorum/transmit-data.ts'
import { decodeRules } from '../../plugins/oracle/contract-config.ts'
import type { JudgedObservation } from '../../plugins/oracle/feed-types.ts'
import {
  decodeOcr2OnchainConfig,
  encodeOcr2OnchainConfig,
  ocr2Kind,
} from '../../plugins/oracle/kinds/ocr2.ts'
import { feedOutcome } from '../../plugins/oracle/outcome.ts'
import { evidenceDigest, feedReports } from '../../plugins/oracle/report.ts'
import { scalar } from '../../plugins/oracle/values/scalar.ts'
import { attributed, HOME, outcome, pin } from '../plugins/oracle/kit.ts'
import { type Network, openNetwork, refusal } from './network.ts'
import { networkChain } from './network-chain.ts'
import {
  configureForeign,
  deployForeign,
  type Foreign,
  identityOf,
  LIMITS,
  latestRound,
  RULES,
} from './ocr2-fixture.ts'

let network: Network
let foreign: Foreign

beforeAll(async () => {
  network = await openNetwork()
  foreign = await deployForeign(network, 4)
})

afterAll(() => network.close())

const contractOf = ({ address }: Foreign) => ({ chainId: network.chainId, address })

async function digestOf({ address }: Foreign): Promise<Hex> {
  const [, , digest] = await network.public.readContract({
    address,
    abi: ocr2AggregatorAbi,
    functionName: 'latestConfigDetails',
  })
  return digest
}

/** What the validators agree on when they observe these values, and its report. */
function agreedOn(of: Foreign, values: readonly bigint[]) {
  const agreed = feedOutcome(
    scalar,
    {
      feedId: 'price',
      modelDigest: zeroHash,
      homeChainId: HOME,
      f: of.f,
      rules: { ...RULES, toleranceAbsolute: 1_000n },
      limits: LIMITS,
      labels: null,
    },
    { pins: [pin(10)] },
    null,
    attributed(values),
  )
  const [report] = feedReports(ocr2Kind, [contractOf(of)], agreed)
  if (report === undefined) throw new TypeError('the outcome makes no report')
  return { agreed, report }
}

/** The engine's own steps from a report to calldata: context, digest, signatures, `transmit`. */
async function calldata(
  of: Foreign,
  report: Report,
  options: { seqNr: bigint; signers?: readonly number[]; digest?: Hex },
): Promise<Hex> {
  const { seqNr, signers = [0, 2], digest = await digestOf(of) } = options
  const placed = placeReport(digest, seqNr, 0, report)
  const signatures = signers.map((oracle) => {
    const { unguarded, signers: keys } = identityOf(of, oracle)
    // A guarded key would not sign two reports of one number, which tests of refusals do.
    return { oracle, signer: keys.report.address, signature: unguarded.report(hexToBytes(placed.digest)) }
  })
  const attested: AttestedReport = { ...placed, signatures }
  return transmitData(attested)
}

const send = async (of: Foreign, data: Hex, from = 1) => {
  const account = identityOf(of, from - 1).transmitter
  const hash = await network.wallet.sendTransaction({ to: of.address, data, account })
  return network.public.getTransactionReceipt({ hash })
}

/** Why the contract refuses this calldata: a custom error's name, or the text of a `require`. */
async function refused(of: Foreign, data: Hex, account = identityOf(of, 0).transmitter): Promise<string> {
  const { args } = decodeFunctionData({ abi: iOcr2AggregatorAbi, data })
  const call = network.public.simulateContract({
    address: of.address,
    abi: ocr2AggregatorAbi as Abi,
    functionName: 'transmit',
    args,
    account,
  })
  const { name, args: facts } = await refusal(call)
  return name === 'Error' ? String(facts[0]) : name
}

describe('the configuration of an aggregator that somebody else deployed', () => {
  it('is read and believed by the engine: the same digest', async () => {
    const config = await readQuorumConfig(networkChain(network), contractOf(foreign)).catch(async (error) => {
      // It lacks the block that confirms it.
      expect(error).toMatchObject({ code: 'QUORUM_CONFIG_NOT_SET' })
      await network.test.mine({ blocks: 1 })
      return readQuorumConfig(networkChain(network), contractOf(foreign))
    })
    expect(config.configDigest).toBe(await digestOf(foreign))
    expect(config).toMatchObject({ f: 1, oracles: foreign.identities.map((_, index) => ({ index })) })
    expect(decodeOcr2OnchainConfig(config.onchainConfig)).toEqual(LIMITS)
    expect(decodeRules(config.pluginConfig)).toEqual(RULES)
  })

  it('has the limits that the contract was made with, or none', async () => {
    for (const wrong of ['0x', encodeOcr2OnchainConfig({ ...LIMITS, max: LIMITS.max + 1n })] as const)
      expect((await refusal(configureForeign(foreign, wrong))).name).toBe(
        'Ocr2Aggregator__WrongOnchainConfig',
      )
  })
})

describe('a report of our validators', () => {
  it('is accepted: the contract computes the outcome’s answer, of an even and an odd count', async () => {
    const of = await deployForeign(network, 7)
    expect((await latestRound(of))[0]).toBe(0n)
    const cases: [bigint[], bigint][] = [
      [[-5n, -40n, -20n, -10n, -30n, -15n], -15n],
      [[3n, -3n, 9n, 1n, 2n], 2n],
      [[-1n, 0n, -1n, 0n, 2n, 2n, 2n], 0n],
    ]
    for (const [round, [values, answer]] of cases.entries()) {
      const { agreed, report } = agreedOn(of, values)
      expect(agreed.answer).toBe(answer)
      const seqNr = BigInt(round + 1)
      const receipt = await send(of, await calldata(of, report, { seqNr, signers: [0, 3, 6] }))
      expect(receipt.status).toBe('success')
      const [event] = parseEventLogs({
        abi: iOcr2AggregatorAbi,
        logs: receipt.logs,
        eventName: 'NewTransmission',
      })
      const order = values.map((value, oracle) => ({ value, oracle }))
      order.sort((a, b) => Number(a.value - b.value) || a.oracle - b.oracle)
      expect(event?.args).toEqual({
        aggregatorRoundId: round + 1,
        answer,
        transmitter: identityOf(of, 0).transmitter,
        observationsTimestamp: agreed.timestamp,
        observations: order.map(({ value }) => value),
        observers: `0x${order.map(({ oracle }) => oracle.toString(16).padStart(2, '0')).join('')}`,
        juelsPerFeeCoin: 0n,
        configDigest: await digestOf(of),
        epochAndRound: Number(seqNr << 8n),
      })
      const { timestamp } = await network.public.getBlock()
      const id = BigInt(round + 1)
      expect(await latestRound(of)).toEqual([id, answer, BigInt(agreed.timestamp), timestamp, id])
      expect(await ocr2Kind.latestTimestamp(networkChain(network), contractOf(of))).toBe(agreed.timestamp)
    }
  })

  it('carries the evidence digest in the signed context, where the contract does not look', async () => {
    const of = await deployForeign(network, 4)
    const { agreed, report } = agreedOn(of, [1n, 2n, 3n])
    const data = await calldata(of, report, { seqNr: 1n })
    const { args } = decodeFunctionData({ abi: iOcr2AggregatorAbi, data })
    const [context, ...rest] = args as unknown as [[Hex, Hex, Hex], ...unknown[]]
    expect(context[2]).toBe(evidenceDigest(scalar, agreed))
    const other = encodeFunctionData({
      abi: iOcr2AggregatorAbi as Abi,
      functionName: 'transmit',
      args: [[context[0], context[1], zeroHash], ...rest],
    })
    expect(await refused(of, other)).toContain('address not authorized to sign')
    expect((await send(of, data)).status).toBe('success')
  })

  it('is accepted with an epoch of 32 bits, and in the order of the sequence numbers alone', async () => {
    const of = await deployForeign(network, 4)
    const { report } = agreedOn(of, [1n, 2n, 3n])
    expect((await send(of, await calldata(of, report, { seqNr: 0xffff_fffen }))).status).toBe('success')
    for (const seqNr of [1n, 0xffff_fffen])
      expect(await refused(of, await calldata(of, report, { seqNr }))).toBe('Ocr2Aggregator__StaleReport')
    expect((await send(of, await calldata(of, report, { seqNr: 0xffff_ffffn }))).status).toBe('success')
    await configureForeign(of)
    expect((await send(of, await calldata(of, report, { seqNr: 1n }))).status).toBe('success')
  })

  it.each([
    ['one signature too few', [1], 'wrong number of signatures'],
    ['one too many', [0, 1, 2], 'wrong number of signatures'],
    ['a signer twice', [1, 1], 'non-unique signature'],
  ] as const)('is refused with %s', async (_name, signers, reason) => {
    const { report } = agreedOn(foreign, [1n, 2n, 3n])
    expect(await refused(foreign, await calldata(foreign, report, { seqNr: 9n, signers }))).toContain(reason)
  })

  it('is refused under another digest, and from a stranger', async () => {
    const { report } = agreedOn(foreign, [1n, 2n, 3n])
    const digest = `0x0001${'ab'.repeat(30)}` as const
    const other = await calldata(foreign, report, { seqNr: 9n, digest })
    expect(await refused(foreign, other)).toContain('configDigest mismatch')
    const good = await calldata(foreign, report, { seqNr: 9n })
    expect(await refused(foreign, good, network.accounts[9])).toContain('unauthorized transmitter')
  })
})

describe('what the contract would refuse', () => {
  const judged = (values: readonly bigint[]): JudgedObservation[] =>
    values.map((value, oracle) => ({ oracle, value, accepted: true }))
  const reportOf = (values: readonly bigint[]): Report => ({
    contract: contractOf(foreign),
    ...ocr2Kind.report(outcome({ observations: judged(values) })),
  })

  it('no more than f observations', async () => {
    const data = await calldata(foreign, reportOf([5n]), { seqNr: 9n })
    expect(await refused(foreign, data)).toBe('Ocr2Aggregator__TooFewObservations')
  })

  it('a median out of its limits, exactly where the outcome makes no report', async () => {
    for (const [median, taken] of [
      [LIMITS.min - 1n, false],
      [LIMITS.min, true],
      [LIMITS.max, true],
      [LIMITS.max + 1n, false],
    ] as const) {
      const data = await calldata(foreign, reportOf([median, median, median]), { seqNr: 9n })
      if (taken)
        await network.public.call({ to: foreign.address, data, account: identityOf(foreign, 0).transmitter })
      else expect(await refused(foreign, data)).toBe('Ocr2Aggregator__MedianOutOfRange')
      const due = () => agreedOn(foreign, [median, median, median]).agreed.due
      if (taken) expect(due()).toBe(true)
      else expect(due).toThrow('makes no report')
    }
  })

  it('a report with something behind it', async () => {
    const types = parseAbiParameters('uint32, bytes32, int192[], int192')
    const bytes = encodeAbiParameters(types, [1, pad('0x0001', { dir: 'right', size: 32 }), [1n, 2n], 0n])
    const payload = hexToBytes(`${bytes}${'00'.repeat(32)}`)
    const report = { contract: contractOf(foreign), payload, extraHash: zeroHash }
    const data = await calldata(foreign, report, { seqNr: 9n })
    expect(await refused(foreign, data)).toBe('Ocr2Aggregator__WrongReportLength')
  })
})
