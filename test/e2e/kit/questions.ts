import {
  encodeAbiParameters,
  parseAbi,
  parseEther,
  parseEventLogs,
  sha256,
  size,
  toHex,
  zeroHash,
} from 'viem'
import { readArtifact } from '../../../scripts/artifacts.ts'
import { rpc } from './chain.ts'
import { accountOf, oracleAbi, oracleOf } from './disputes.ts'
import { get, type Hex } from './http.ts'
import type { Network } from './network.ts'
import { until } from './until.ts'

const requesterAbi = parseAbi([
  'struct InferenceRequest { uint256 modelId; uint32 version; bytes input; bytes32 inputHash; uint32 inputLength; uint32 callbackGasLimit; uint8 minAgreeing; uint32 deadlineSeconds; bool finalOnly; }',
  'constructor(address oracle)',
  'function ask(InferenceRequest request) payable returns (uint256 requestId)',
  'function setMood(uint8 next)',
  'function noted() view returns (uint256)',
  'function lastRequestId() view returns (uint256)',
  'function lastOutcome() view returns (uint8)',
  'function lastDigest() view returns (bytes32)',
  'function lastAnswer() view returns (int256[])',
  'function lastIsFinal() view returns (bool)',
])

/** What `GET /v1/requests/{id}` says, as far as these tests look. */
export interface RequestView {
  id: string
  status: string
  modelDigest: Hex
  answer: {
    outcome: string
    values: string[]
    agreeing: number
    observers: number
    evidenceDigest: Hex
    callback: string
  } | null
  delivered: boolean
  dispute: {
    status: string
    votes: number
    distance: string
    values: string[]
    evidenceDigest: Hex
    verdict: { evidence: (Evidence & { committee: number[] }) | null } | null
  } | null
  report: { payload: Hex; context: Hex[]; signatures: { signer: Hex; oracle: number | null }[] } | null
  evidence: Evidence | null
}

interface Evidence {
  encoded: Hex
  rule: string
  results: {
    oracle: number
    signer: Hex | null
    values: string[] | null
    provider: string | null
    reason: string | null
    agrees: boolean
    distance: string | null
    signature: Hex
  }[]
}

export interface AskableModel {
  readonly id: string
  readonly digest: Hex
  readonly modelId: bigint
  /** How many numbers it takes. */
  readonly numbers: number
}

interface Told {
  readonly outcome: number
  readonly values: readonly bigint[]
  readonly digest: Hex
  readonly isFinal: boolean
}

/** A contract on the first chain that asks models, and its owner. */
export interface Asker {
  /** Sends a question and gives its id; whoever answers it is not waited for. */
  ask(
    model: AskableModel,
    numbers: readonly bigint[],
    options?: { callbackGas?: number; finalOnly?: boolean; byHash?: boolean },
  ): Promise<bigint>
  setMood(mood: 'note' | 'burn-gas'): Promise<void>
  /** Resolves with what the contract was told, once it was told of this request. */
  told(requestId: bigint): Promise<Told>
  readonly address: Hex
}

export async function asker(net: Network, addressIndex: number): Promise<Asker> {
  const { chain, address: oracle } = oracleOf(net)
  const client = accountOf(net, addressIndex)
  await rpc(chain.rpc, 'anvil_setBalance', [client.account.address, toHex(parseEther('100'))])
  const { bytecode } = await readArtifact('InferenceRequester')
  const hash = await client.deployContract({ abi: requesterAbi, bytecode, args: [oracle] })
  const { contractAddress } = await client.waitForTransactionReceipt({ hash })
  if (contractAddress == null) throw new Error('the asking contract was not created')
  const contract = { address: contractAddress, abi: requesterAbi } as const
  const read = <N extends 'lastRequestId' | 'lastOutcome' | 'lastDigest' | 'lastAnswer' | 'lastIsFinal'>(
    functionName: N,
  ) => client.readContract({ ...contract, functionName })

  return {
    address: contractAddress,
    async ask(model, numbers, { callbackGas = 300_000, finalOnly = false, byHash = false } = {}) {
      const input = encodeAbiParameters([{ type: 'int256[]' }], [numbers])
      const request = {
        ...{ modelId: model.modelId, version: 0 },
        ...(byHash
          ? { input: '0x' as const, inputHash: sha256(input), inputLength: size(input) }
          : { input, inputHash: zeroHash, inputLength: 0 }),
        ...{ callbackGasLimit: callbackGas, minAgreeing: 0, deadlineSeconds: 0, finalOnly },
      }
      const sent = await client.writeContract({
        ...{ ...contract, functionName: 'ask', args: [request], value: parseEther('0.5') },
      })
      const { logs } = await client.waitForTransactionReceipt({ hash: sent })
      const [asked] = parseEventLogs({ abi: oracleAbi, logs, eventName: 'InferenceRequested' })
      if (asked === undefined) throw new Error('the oracle did not take the question')
      return asked.args.requestId
    },
    async setMood(mood) {
      const sent = await client.writeContract({
        ...{ ...contract, functionName: 'setMood', args: [mood === 'note' ? 0 : 3] },
      })
      await client.waitForTransactionReceipt({ hash: sent })
    },
    async told(requestId) {
      await until(
        `the contract is told of request ${requestId}`,
        async () => (await read('lastRequestId')) === requestId,
        { withinMs: 90_000, everyMs: 200 },
      )
      const [outcome, values, digest, isFinal] = await Promise.all([
        read('lastOutcome'),
        read('lastAnswer'),
        read('lastDigest'),
        read('lastIsFinal'),
      ])
      return { outcome, values, digest, isFinal }
    },
  }
}

/** The first model that contracts may ask. */
export async function askableModel(net: Network): Promise<AskableModel> {
  const { data } = await get<{
    data: {
      id: string
      digest: Hex
      request: object | null
      rawInputs: { shape: (number | null)[] }[]
      registered: { modelId: string } | null
    }[]
  }>(`${net.description.api[0]}/v1/models`)
  const found = data.find(({ request, registered }) => request !== null && registered !== null)
  if (found?.registered == null) throw new Error('no model can be asked')
  const [first] = found.rawInputs
  return {
    id: found.id,
    digest: found.digest,
    modelId: BigInt(found.registered.modelId),
    numbers: first?.shape.at(-1) ?? 0,
  }
}

/** A request as a validator serves it, once it has its answer; or once it stands so. */
export function requestAt(api: string, requestId: bigint, status?: string): Promise<RequestView> {
  return until(
    `${api} serves request ${requestId} ${status === undefined ? 'with its answer' : `as ${status}`}`,
    async () => {
      const { data } = await get<{ data: RequestView }>(`${api}/v1/requests/${requestId}`)
      return data.answer !== null && (status === undefined || data.status === status) && data
    },
    { withinMs: 60_000, everyMs: 300 },
  )
}
