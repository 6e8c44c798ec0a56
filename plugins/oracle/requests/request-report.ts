import { type AbiParameter, decodeAbiParameters, encodeAbiParameters, hexToBytes } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import type { ContractRef, Report } from '../../../node/ports/quorum.ts'
import { requestEvidenceDigest } from './request-codecs.ts'
import { outcomes, type RequestOutcome, rulings } from './request-types.ts'

const NO_EXTRA: Hex = `0x${'00'.repeat(32)}`

/** ABI types of a report, as InferenceOracle.sol decodes it. */
export const inferenceReportAbi = [
  { name: 'observationsTimestamp', type: 'uint32' },
  { name: 'evidenceDigest', type: 'bytes32' },
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
  { name: 'due', type: 'uint256[]' },
] as const satisfies readonly AbiParameter[]

/** A report holds its time as uint32. */
const LAST_TIMESTAMP = 2 ** 32 - 1

/**
 * Pure: one report of what was ruled on, answered, and is due; none where everything was put off. One, since a contract takes
 * reports in their order alone: a second one would come too late behind the next round's. What has no room in a transaction is
 * left out, and comes again once it has rested.
 */
export function requestReports(contract: ContractRef, outcome: RequestOutcome): readonly Report[] {
  const { timestamp } = outcome.pins[0]
  if (timestamp > LAST_TIMESTAMP) return []
  let gas = REPORT_GAS
  let isEmpty = true
  const hasRoom = (callbackGasLimit: number, values: number): boolean => {
    const more = gas + entryGas(callbackGasLimit, values)
    if (!isEmpty && more > MAX_REPORT_GAS) return false
    gas = more
    isEmpty = false
    return true
  }
  const verdicts = outcome.disputes
    .filter(({ ruling }) => ruling !== rulings.deferred)
    .filter(({ dispute, values }) => hasRoom(dispute.callbackGasLimit, values.length))
    .map(({ dispute, ruling, votes, distance, values }) => ({
      requestId: dispute.requestId,
      upheld: ruling === rulings.upheld,
      votes,
      committeeSize: dispute.committee.length,
      distance,
      values,
    }))
  let choreGas = 0n
  const soon = outcome.upkeep.filter(({ callbackGasLimit }) => {
    const more = choreGas + entryGas(callbackGasLimit, 0)
    if (more > CHORE_GAS || !hasRoom(callbackGasLimit, 0)) return false
    choreGas = more
    return true
  })
  const answers = outcome.items
    .filter((judged) => judged.outcome !== outcomes.deferred)
    .filter(({ item, values }) => hasRoom(item.callbackGasLimit, values.length))
    .map(({ item, outcome: code, agreeing, observers, spread, values }) => ({
      requestId: item.requestId,
      inputHash: item.inputHash,
      outcome: code,
      agreeing,
      observers,
      spread,
      values,
    }))
  const late = outcome.upkeep.filter((chore) => !soon.includes(chore) && hasRoom(chore.callbackGasLimit, 0))
  const due = [...soon, ...late].map(({ requestId }) => requestId)
  if (isEmpty) return []
  const payload = encodeAbiParameters(inferenceReportAbi, [
    ...([timestamp, requestEvidenceDigest(outcome), answers, verdicts, due] as const),
  ])
  return [{ contract, payload: hexToBytes(payload), extraHash: NO_EXTRA, leastGas: gas }]
}

/** The requests that a report is about. */
export function readReport(
  payload: Uint8Array,
): Readonly<Record<'answers' | 'verdicts' | 'due', readonly bigint[]>> {
  const [, , answers, verdicts, due] = decodeAbiParameters(inferenceReportAbi, payload)
  const ids = (entries: readonly { readonly requestId: bigint }[]) =>
    entries.map(({ requestId }) => requestId)
  return { answers: ids(answers), verdicts: ids(verdicts), due }
}

/** A transaction has at most 2^24 gas (EIP-7825). */
const MAX_REPORT_GAS = 15_000_000n
/** What chores have before answers, so that neither shuts out the other; beyond it they have what answers leave. */
const CHORE_GAS = 5_000_000n
/** Signatures of 31 oracles, their evidence, and what a report costs before its first entry. */
const REPORT_GAS = 300_000n
/** Five storage slots, three events, and calldata. */
const ENTRY_GAS = 200_000n
/** Code that holds a value: 200 gas a byte, and its calldata and event. */
const VALUE_GAS = 8_000n

/**
 * What an entry may take. A callback can tell an estimate from the real thing, and burn its gas only then; 64/63 of its gas has to
 * be left when it is called (EIP-150).
 */
function entryGas(callbackGasLimit: number, values: number): bigint {
  const callback = callbackGasLimit === 0 ? 0n : (BigInt(callbackGasLimit) * 64n) / 63n + 5_000n
  return ENTRY_GAS + VALUE_GAS * BigInt(values) + callback
}
