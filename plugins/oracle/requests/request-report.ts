import { type AbiParameter, decodeAbiParameters, encodeAbiParameters, hexToBytes } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import type { ContractRef, Report } from '../../../node/ports/quorum.ts'
import { requestEvidenceDigest } from './request-codecs.ts'
import { outcomes, type RequestOutcome, rulings } from './request-types.ts'

/** A report's kind, as InferenceOracle.sol numbers it. */
export const reportKinds = { answers: 1, verdicts: 2, upkeep: 3 } as const
const NO_EXTRA: Hex = `0x${'00'.repeat(32)}`

const head = [
  { name: 'kind', type: 'uint8' },
  { name: 'observationsTimestamp', type: 'uint32' },
  { name: 'evidenceDigest', type: 'bytes32' },
] as const

/** ABI types of a report of answers, as InferenceOracle.sol decodes it. */
export const answersReportAbi = [
  ...head,
  {
    name: 'answers',
    type: 'tuple[]',
    components: [
      { name: 'requestId', type: 'uint256' },
      { name: 'inputHash', type: 'bytes32' },
      { name: 'outcome', type: 'uint8' },
      { name: 'agreeing', type: 'uint8' },
      { name: 'observers', type: 'uint8' },
      { name: 'spread', type: 'uint256' },
      { name: 'values', type: 'int256[]' },
    ],
  },
] as const satisfies readonly AbiParameter[]

/** The same of verdicts. */
export const verdictsReportAbi = [
  ...head,
  {
    name: 'verdicts',
    type: 'tuple[]',
    components: [
      { name: 'requestId', type: 'uint256' },
      { name: 'upheld', type: 'bool' },
      { name: 'votes', type: 'uint8' },
      { name: 'committeeSize', type: 'uint8' },
      { name: 'distance', type: 'uint256' },
      { name: 'values', type: 'int256[]' },
    ],
  },
] as const satisfies readonly AbiParameter[]

/** The same of chores. */
export const upkeepReportAbi = [
  ...head,
  { name: 'requestIds', type: 'uint256[]' },
] as const satisfies readonly AbiParameter[]

/** A report holds its time as uint32. */
const LAST_TIMESTAMP = 2 ** 32 - 1

/** Pure: one report each of what was answered, what was ruled on, and what is due; none of what was put off. */
export function requestReports(contract: ContractRef, outcome: RequestOutcome): readonly Report[] {
  const { timestamp } = outcome.pins[0]
  if (timestamp > LAST_TIMESTAMP) return []
  const evidence = requestEvidenceDigest(outcome)
  const report = (payload: Hex, entries: readonly Entry[]): Report => ({
    contract,
    payload: hexToBytes(payload),
    extraHash: NO_EXTRA,
    leastGas: leastGas(entries),
  })
  const reports: Report[] = []
  const told = outcome.items.filter((judged) => judged.outcome !== outcomes.deferred)
  if (told.length > 0) {
    const answers = told.map(({ item, outcome: code, agreeing, observers, spread, values }) => ({
      requestId: item.requestId,
      inputHash: item.inputHash,
      outcome: code,
      agreeing,
      observers,
      spread,
      values,
    }))
    const payload = encodeAbiParameters(answersReportAbi, [reportKinds.answers, timestamp, evidence, answers])
    reports.push(
      report(
        payload,
        told.map(({ item, values }) => ({ callbackGasLimit: item.callbackGasLimit, values: values.length })),
      ),
    )
  }
  const ruled = outcome.disputes.filter(({ ruling }) => ruling !== rulings.deferred)
  if (ruled.length > 0) {
    const verdicts = ruled.map(({ dispute, ruling, votes, distance, values }) => ({
      requestId: dispute.requestId,
      upheld: ruling === rulings.upheld,
      votes,
      committeeSize: dispute.committee.length,
      distance,
      values,
    }))
    const payload = encodeAbiParameters(verdictsReportAbi, [
      ...([reportKinds.verdicts, timestamp, evidence] as const),
      verdicts,
    ])
    reports.push(
      report(
        payload,
        ruled.map(({ dispute, values }) => ({
          callbackGasLimit: dispute.callbackGasLimit,
          values: values.length,
        })),
      ),
    )
  }
  if (outcome.upkeep.length > 0) {
    const ids = outcome.upkeep.map(({ requestId }) => requestId)
    const payload = encodeAbiParameters(upkeepReportAbi, [reportKinds.upkeep, timestamp, evidence, ids])
    reports.push(
      report(
        payload,
        outcome.upkeep.map(({ callbackGasLimit }) => ({ callbackGasLimit, values: 0 })),
      ),
    )
  }
  return reports
}

/** Kind and requests of a report that `requestReports` made. */
export function readReport(payload: Uint8Array): {
  readonly kind: number
  readonly requestIds: readonly bigint[]
} {
  const [kind] = decodeAbiParameters(head, payload)
  if (kind === reportKinds.upkeep) {
    const [, , , requestIds] = decodeAbiParameters(upkeepReportAbi, payload)
    return { kind, requestIds }
  }
  const abi = kind === reportKinds.answers ? answersReportAbi : verdictsReportAbi
  const [, , , entries] = decodeAbiParameters(abi, payload)
  return { kind, requestIds: entries.map(({ requestId }) => requestId) }
}

interface Entry {
  readonly callbackGasLimit: number
  /** How many values are written. */
  readonly values: number
}

/** Signatures of 31 oracles, their evidence, and what a report costs before its first entry. */
const REPORT_GAS = 300_000n
/** Five storage slots, three events, and calldata. */
const ENTRY_GAS = 200_000n
/** Code that holds a value: 200 gas a byte, and its calldata and event. */
const VALUE_GAS = 8_000n

/**
 * What the transaction has at least: a callback can tell an estimate from the real thing, and burn its gas only then. 64/63 of
 * a callback's gas has to be left when it is called (EIP-150).
 */
function leastGas(entries: readonly Entry[]): bigint {
  return entries.reduce((sum, { callbackGasLimit, values }) => {
    const callback = callbackGasLimit === 0 ? 0n : (BigInt(callbackGasLimit) * 64n) / 63n + 5_000n
    return sum + ENTRY_GAS + VALUE_GAS * BigInt(values) + callback
  }, REPORT_GAS)
}
