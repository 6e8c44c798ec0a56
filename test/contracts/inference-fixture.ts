import assert from 'node:assert/strict'
import {
  type Abi,
  type Address,
  type Hex,
  parseEther,
  parseEventLogs,
  parseGwei,
  sha256,
  toHex,
  zeroHash,
} from 'viem'
import { inferenceOracleAbi } from '../../contracts/abi/InferenceOracle.ts'
import { inferenceRequesterAbi } from '../../contracts/abi/InferenceRequester.ts'
import { modelRegistryAbi } from '../../contracts/abi/ModelRegistry.ts'
import { contextOf, EVIDENCE, type Feed, MODEL, newOracleSet, setConfig, signedBy } from './feed-fixture.ts'
import {
  type Answer,
  encodeAnswers,
  encodeVerdicts,
  OUTCOME,
  type ReportHead,
  type Verdict,
} from './inference-report.ts'
import { deploy, mined, type Network, sender } from './network.ts'
import { configDigest, transmitArgs } from './quorum-report.ts'

/** The fixture's rules of disputes. */
export const DISPUTES = {
  windowSeconds: 3600,
  verdictSeconds: 86_400,
  bond: parseEther('0.1'),
  size: 3,
} as const

/** The fixture's price of an answer to up to 32 bytes of input. */
export const PRICE = parseEther('0.0011')

/** What the fixture asks. */
export const INPUT = toHex('is it a cat?')

/** An oracle for one model, its keys, and a contract that asks it. */
export interface Inference extends Feed {
  readonly requester: Address
}

/** How the mock of a requester behaves when it is called back. */
export const MOOD = { note: 0, revert: 1, longRevert: 2, burnGas: 3 } as const

/** A configured oracle of `n` nodes, whose owner is the chain's first account. */
export async function deployInference(network: Network, n: number): Promise<Inference> {
  const owner = sender(network, 0)
  const registry = await deploy(network, 'ModelRegistry')
  await write(network, owner, {
    address: registry,
    abi: modelRegistryAbi,
    functionName: 'register',
    args: ['cats', MODEL, 'ipfs://cats'],
  })
  const rules = {
    maxGasPrice: parseGwei('50'),
    disputeWindow: DISPUTES.windowSeconds,
    verdictTimeout: DISPUTES.verdictSeconds,
    bond: DISPUTES.bond,
    reportGas: 120_000,
    committeeSize: DISPUTES.size,
  }
  const address = await deploy(network, 'InferenceOracle', [owner, registry, rules])
  const price = { base: parseEther('0.001'), perWord: parseEther('0.0001'), answerGas: 300_000 }
  await write(network, owner, {
    address,
    abi: inferenceOracleAbi,
    functionName: 'setModelPrice',
    args: [1n, price],
  })
  const { keys, set, transmitter } = newOracleSet(network, n, '0x')
  await setConfig(network, address, set)
  const digest = configDigest({ chainId: network.chainId, contract: address, configCount: 1n }, set)
  return {
    network,
    address,
    keys,
    set,
    digest,
    transmitter,
    requester: await deployRequester(network, address),
  }
}

/** Another contract that asks. */
export function deployRequester(network: Network, oracle: Address): Promise<Address> {
  return deploy(network, 'InferenceRequester', [oracle])
}

/** Has a requester misbehave, or behave again. */
export async function setMood(oracle: Inference, requester: Address, mood: number): Promise<void> {
  const { network } = oracle
  const call = {
    address: requester,
    abi: inferenceRequesterAbi,
    functionName: 'setMood',
    args: [mood],
  } as const
  await write(network, sender(network, 0), call)
}

/** Asks through a requester for the quoted fee; gives the id and the gas that it took. */
export async function ask(
  oracle: Inference,
  changes: {
    readonly requester?: Address
    readonly callbackGasLimit?: number
    readonly finalOnly?: boolean
  } = {},
): Promise<{ id: bigint; gas: bigint; fee: bigint }> {
  const { network, address } = oracle
  const { requester = oracle.requester, callbackGasLimit = 200_000, finalOnly = false } = changes
  const fee = await network.public.readContract({
    address,
    abi: inferenceOracleAbi,
    functionName: 'quote',
    args: [1n, 12n, callbackGasLimit],
  })
  const request = {
    modelId: 1n,
    version: 0,
    input: INPUT,
    inputHash: zeroHash,
    inputLength: 0,
    callbackGasLimit,
    minAgreeing: 0,
    deadlineSeconds: 0,
    finalOnly,
  }
  const { logs, gasUsed } = await write(network, sender(network, 2), {
    address: requester,
    abi: inferenceRequesterAbi,
    functionName: 'ask',
    args: [request],
    value: fee,
  })
  const [asked] = parseEventLogs({ abi: inferenceOracleAbi, logs, eventName: 'InferenceRequested' })
  assert(asked, 'the oracle told nothing')
  return { id: asked.args.requestId, gas: gasUsed, fee }
}

/** An answer to what the fixture asks, with changes. */
export function answerTo(requestId: bigint, changes: Partial<Answer> = {}): Answer {
  return {
    requestId,
    inputHash: sha256(INPUT),
    outcome: OUTCOME.answered,
    agreeing: 3,
    observers: 4,
    spread: 5n,
    values: [42n],
    ...changes,
  }
}

/** Sends answers, signed by the last Q oracles. */
export async function transmitAnswers(oracle: Inference, epoch: number, answers: readonly Answer[]) {
  return send(oracle, epoch, encodeAnswers(await head(oracle), answers))
}

/** Sends verdicts, signed by the last Q oracles. */
export async function transmitVerdicts(oracle: Inference, epoch: number, verdicts: readonly Verdict[]) {
  return send(oracle, epoch, encodeVerdicts(await head(oracle), verdicts))
}

/** Calls a function of the oracle as one of the chain's accounts. */
export function act(
  oracle: Inference,
  functionName: 'refund' | 'deliver' | 'challenge' | 'drawCommittee' | 'closeDispute',
  requestId: bigint,
  options: { readonly account?: Address; readonly value?: bigint } = {},
) {
  const { network, address } = oracle
  const { account = sender(network, 3), value = 0n } = options
  const call = { address, abi: inferenceOracleAbi, functionName, args: [requestId] }
  return write(network, account, { ...call, value })
}

/** Reads a function of the oracle that takes a request's id. */
export const answerOf = (oracle: Inference, requestId: bigint) =>
  oracle.network.public.readContract({
    address: oracle.address,
    abi: inferenceOracleAbi,
    functionName: 'getAnswer',
    args: [requestId],
  })

/** What an account can withdraw. */
export const creditOf = (oracle: Inference, account: Address) =>
  oracle.network.public.readContract({
    address: oracle.address,
    abi: inferenceOracleAbi,
    functionName: 'creditOf',
    args: [account],
  })

async function head({ network }: Inference): Promise<ReportHead> {
  const { timestamp } = await network.public.getBlock()
  return { observationsTimestamp: Number(timestamp), evidenceDigest: EVIDENCE }
}

async function send(oracle: Inference, epoch: number, report: Hex) {
  const { keys, set, network, address } = oracle
  const quorum = Math.floor((keys.length + set.f) / 2) + 1
  const context = contextOf(oracle, epoch)
  const indices = Array.from({ length: quorum }, (_, i) => keys.length - quorum + i)
  const args = transmitArgs(context, report, await signedBy(oracle, indices, context, report))
  const call = { address, abi: inferenceOracleAbi, functionName: 'transmit', args } as const
  return write(network, oracle.transmitter, { ...call, gas: 15_000_000n })
}

interface Call {
  readonly address: Address
  readonly abi: Abi
  readonly functionName: string
  readonly args: readonly unknown[]
  readonly value?: bigint
  readonly gas?: bigint
}

/** Sends a call as one of the chain's accounts and waits for it. */
async function write(network: Network, account: Address, call: Call) {
  return mined(network, await network.wallet.writeContract({ ...call, account }))
}
