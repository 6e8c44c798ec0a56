import { hexToBytes, keccak256, sha256, toHex } from 'viem'
import type { Row } from '../../../../node/ports/index-tables.ts'
import type { ModelInfo } from '../../../../node/ports/inference.ts'
import type { DutyContext } from '../../../../node/ports/quorum.ts'
import { oracleConfig } from '../../../../plugins/oracle/config.ts'
import { encodeInput } from '../../../../plugins/oracle/requests/decode-input.ts'
import { ruleOf } from '../../../../plugins/oracle/requests/pick-requests.ts'
import { encodeRequestRules, type RequestRules } from '../../../../plugins/oracle/requests/request-rules.ts'
import type {
  RequestItem,
  RequestObservation,
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
    ...changes,
  }
}

export const gave = (...values: readonly (bigint | number)[]): RequestResult => ({
  kind: 'values',
  values: values.map(BigInt),
  provider: 'cpu',
})
export const abstains = (reason: 'bad-input' | 'not-finite' | 'unavailable'): RequestResult => ({
  kind: 'abstained',
  reason,
})

/** Observations of oracles 0, 1, ... with one result each. */
export function observations(...results: readonly RequestResult[]) {
  return results.map((result, oracle) => ({
    oracle,
    value: { results: [result] } satisfies RequestObservation,
  }))
}
