import { hexToBytes, keccak256, sha256, toHex, zeroHash } from 'viem'
import type { Row } from '../../../../node/ports/index-tables.ts'
import type { ModelInfo } from '../../../../node/ports/inference.ts'
import type { DutyContext } from '../../../../node/ports/quorum.ts'
import { oracleConfig } from '../../../../plugins/oracle/config.ts'
import { encodeInput } from '../../../../plugins/oracle/requests/decode-input.ts'
import { ruleOf } from '../../../../plugins/oracle/requests/pick-requests.ts'
import { encodeRequestRules, type RequestRules } from '../../../../plugins/oracle/requests/request-rules.ts'
import type {
  Abstention,
  DisputeItem,
  RequestItem,
  RequestObservation,
  RequestQuery,
  RequestResult,
} from '../../../../plugins/oracle/requests/request-types.ts'
import { dutyContext, HOME, ORIGIN } from '../kit.ts'

export const ORACLE = '0x00000000000000000000000000000000000a51ed'
export const MODEL = keccak256('0x07')
export const INPUT = encodeInput([1_500_000n, -2_000_000n])

export const rules: RequestRules = {
  maxPinAgeSeconds: 60,
  inFlightSeconds: 30,
  retrySeconds: 20,
  maxRequests: 3,
  maxCallbackGas: 1_000_000,
}

/** A model of two numbers that contracts may ask. */
export const askable: Partial<ModelInfo> = {
  id: 'pair',
  inputs: [{ name: 'features', type: 'float32', shape: [null, 2] }],
  rawInputs: [{ name: 'features', type: 'float32', shape: [null, 2] }],
  request: { decimals: 6 },
  agreement: { rule: 'median', tolerances: [{ absolute: '10', relativePpm: 0 }] },
}
export const RULE = ruleOf({
  agreement: { rule: 'median', tolerances: [{ relativePpm: 0, absolute: '10' }] },
})

export function inferenceConfig() {
  const [parsed] = oracleConfig.parse({
    inference: [{ id: 'questions', contract: { chainId: HOME, address: ORACLE } }],
  }).inference
  if (parsed === undefined) throw new TypeError('no oracle')
  return parsed
}

export function requestContext(changes: Partial<DutyContext> = {}): DutyContext {
  return dutyContext({ pluginConfig: hexToBytes(encodeRequestRules(rules)), ...changes })
}

export function requestRow(
  requestId: number,
  changes: Partial<Row<'inferenceRequest'>> = {},
): Row<'inferenceRequest'> {
  return {
    id: `${HOME}-${ORACLE}-${requestId}`,
    chainId: HOME,
    oracle: ORACLE,
    requestId: BigInt(requestId),
    modelDigest: MODEL,
    modelId: 1n,
    version: 1,
    requester: '0x00000000000000000000000000000000000000c1',
    inputHash: sha256(INPUT),
    inputLength: 128,
    input: INPUT,
    callbackGasLimit: 100_000,
    minAgreeing: 0,
    finalOnly: false,
    delivered: false,
    deadline: BigInt(ORIGIN + 3_600),
    price: 1n,
    maxFee: 10n,
    status: 'pending',
    endedBlock: 0n,
    transactionHash: keccak256(toHex(`tx${requestId}`)),
    blockNumber: 5n,
    logIndex: requestId,
    timestamp: BigInt(ORIGIN + 50),
    ...changes,
  }
}

export function item(requestId: number, changes: Partial<RequestItem> = {}): RequestItem {
  return {
    requestId: BigInt(requestId),
    modelDigest: MODEL,
    inputHash: sha256(INPUT),
    minAgreeing: 0,
    rule: RULE,
    callbackGasLimit: 100_000,
    ...changes,
  }
}

export const gave = (...values: readonly (bigint | number)[]): RequestResult => ({
  kind: 'values',
  values: values.map(BigInt),
  provider: 'cpu',
})
export const abstains = (reason: Abstention): RequestResult => ({
  kind: 'abstained',
  reason,
})

/** A round about these requests alone. */
export const asking = (pins: RequestQuery['pins'], items: readonly RequestItem[]): RequestQuery => ({
  ...{ pins, items, disputes: [], upkeep: [] },
})

/** The answer 100 to request 1, which oracles 0, 1 and 3 have to rule on. */
export function dispute(changes: Partial<DisputeItem> = {}): DisputeItem {
  return {
    ...{ requestId: 1n, modelDigest: MODEL, inputHash: sha256(INPUT), rule: RULE, callbackGasLimit: 100_000 },
    ...{ outcome: 1, values: [100n], committee: [3, 0, 1] },
    ...changes,
  }
}

/** As answered in block 8, and final at the time of block 16 unless it is challenged. */
export function answerRow(
  requestId: number,
  changes: Partial<Row<'inferenceAnswer'>> = {},
): Row<'inferenceAnswer'> {
  const { id, chainId, oracle, modelDigest, transactionHash } = requestRow(requestId)
  return {
    ...{ id, chainId, oracle, requestId: BigInt(requestId), modelDigest, transactionHash },
    ...{
      outcome: 1,
      agreeing: 3,
      observers: 4,
      spread: 0n,
      values: ['100'],
      evidenceDigest: keccak256('0xe1'),
    },
    ...{ observationsTimestamp: BigInt(ORIGIN + 70), finalAt: BigInt(ORIGIN + 160), configCount: 1 },
    ...{ epochAndRound: 256n, callback: 'none', gasUsed: 0n, gasFee: 0n },
    ...{ transmitter: '0x00000000000000000000000000000000000000c2', blockNumber: 8n, logIndex: 0 },
    timestamp: BigInt(ORIGIN + 80),
    ...changes,
  }
}

/** As challenged in block 9. */
export function disputeRow(
  requestId: number,
  changes: Partial<Row<'inferenceDispute'>> = {},
): Row<'inferenceDispute'> {
  const { id, chainId, oracle, transactionHash } = requestRow(requestId)
  return {
    ...{ id, chainId, oracle, requestId: BigInt(requestId), transactionHash },
    ...{ challenger: '0x00000000000000000000000000000000000000c3', bond: 10n, anchorBlock: 13n },
    ...{ committeeSize: 3, seed: zeroHash, deadline: BigInt(ORIGIN + 700), status: 'open', votes: 0 },
    ...{ distance: 0n, values: [], evidenceDigest: zeroHash, endedBlock: 0n, verdictTransaction: zeroHash },
    ...{ blockNumber: 9n, logIndex: 0, timestamp: BigInt(ORIGIN + 90) },
    ...changes,
  }
}

/** Observations of oracles 0, 1, ... with one result each. */
export function observations(...results: readonly RequestResult[]) {
  return results.map((result, oracle) => ({
    oracle,
    value: { results: [result], rulings: [] } satisfies RequestObservation,
  }))
}
