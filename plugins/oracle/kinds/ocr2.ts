import {
  bytesToHex,
  decodeAbiParameters,
  decodeFunctionResult,
  encodeAbiParameters,
  encodeFunctionData,
  encodePacked,
  hexToBytes,
} from 'viem'
import { iOcr2AggregatorAbi } from '../../../contracts/abi/IOcr2Aggregator.ts'
import type { Hex } from '../../../node/ports/chain.ts'
import { IyiError } from '../../../node/ports/errors.ts'
import { OracleError } from '../errors.ts'
import type { AnswerLimits, JudgedObservation } from '../feed-types.ts'
import { evidenceDigest } from '../report.ts'
import { scalar } from '../values/scalar.ts'
import { type ContractKind, integerOf } from './contract-kind.ts'

/** ABI types of OCR2's numeric report. */
const REPORT = [
  { name: 'observationsTimestamp', type: 'uint32' },
  { name: 'observers', type: 'bytes32' },
  { name: 'observations', type: 'int192[]' },
  { name: 'juelsPerFeeCoin', type: 'int192' },
] as const

const VERSION = 1
const INT192_BYTES = 24
const NO_MODEL: Hex = `0x${'00'.repeat(32)}`

/** Our validators are not paid through the aggregator: a fee coin worth nothing repays no gas. */
const JUELS_PER_FEE_COIN = 0n

/**
 * An OCR2 aggregator that somebody else deployed. It computes the answer itself, as `observations[length / 2]` of the
 * ascending list, and refuses a report whose answer is outside its limits. Its report has no place for the evidence
 * digest; that goes into the third context word, which is signed with the report and which the contract does not read.
 */
export const ocr2Kind: ContractKind<bigint> = {
  name: 'ocr2',
  values: scalar,

  decodeOnchainConfig: (bytes) => ({
    modelDigest: NO_MODEL,
    limits: decodeOcr2OnchainConfig(bytes),
    labels: null,
  }),

  report(outcome) {
    const accepted = outcome.observations.filter((entry) => entry.accepted).sort(ascending)
    const observers = new Uint8Array(32)
    observers.set(accepted.map(({ oracle }) => oracle))
    const payload = encodeAbiParameters(REPORT, [
      outcome.timestamp,
      bytesToHex(observers),
      accepted.map(({ value }) => value),
      JUELS_PER_FEE_COIN,
    ])
    return { payload: hexToBytes(payload), extraHash: evidenceDigest(scalar, outcome) }
  },

  decodeReport(payload) {
    const [observationsTimestamp, , observations] = decodeAbiParameters(REPORT, payload)
    const answer = observations[observations.length >> 1]
    if (answer === undefined)
      throw new OracleError('ORACLE_BAD_BYTES', 'this report has no observation, so it has no answer')
    return { observationsTimestamp, answer }
  },

  async latestTimestamp(chain, { chainId, address }) {
    const functionName = 'latestRoundData'
    const call = encodeFunctionData({ abi: iOcr2AggregatorAbi, functionName })
    try {
      const data = await chain.call(chainId, { to: address, data: call })
      const [roundId, , startedAt] = decodeFunctionResult({ abi: iOcr2AggregatorAbi, functionName, data })
      return roundId === 0n ? null : Number(startedAt)
    } catch (error) {
      // Before the first round some aggregators answer with zeros, others revert.
      if (error instanceof IyiError && error.code === 'CHAIN_CALL_REVERTED') return null
      throw error
    }
  },

  roundEvent: 'ocr2.NewTransmission',
  roundIdOf: (data) => integerOf(data, 'aggregatorRoundId'),
}

/** Bytes for the `onchainConfig` argument of an aggregator's `setConfig`. Throws `ORACLE_BAD_BYTES`. */
export function encodeOcr2OnchainConfig({ min, max }: AnswerLimits): Hex {
  checkLimits({ min, max })
  try {
    return encodePacked(['uint8', 'int192', 'int192'], [VERSION, min, max])
  } catch (cause) {
    throw new OracleError('ORACLE_BAD_BYTES', 'these limits fit no onchainConfig', {}, { cause })
  }
}

/** `0x01 || int192 min || int192 max`. Throws `ORACLE_BAD_BYTES`. */
export function decodeOcr2OnchainConfig(bytes: Uint8Array): AnswerLimits {
  const length = 1 + 2 * INT192_BYTES
  if (bytes.length !== length || bytes[0] !== VERSION)
    throw new OracleError(
      'ORACLE_BAD_BYTES',
      `the onchainConfig of this contract is not that of an OCR2 aggregator (version ${VERSION}, ${length} bytes): correct \`kind\` or \`address\` of the feed's contract`,
      { length: bytes.length },
    )
  const limits = {
    min: int192(bytes.subarray(1, 1 + INT192_BYTES)),
    max: int192(bytes.subarray(1 + INT192_BYTES)),
  }
  checkLimits(limits)
  return limits
}

function checkLimits({ min, max }: AnswerLimits): void {
  if (min > max)
    throw new OracleError(
      'ORACLE_BAD_BYTES',
      'the least answer is above the greatest: no report would be taken',
      {
        min: min.toString(),
        max: max.toString(),
      },
    )
}

const int192 = (bytes: Uint8Array): bigint => BigInt.asIntN(8 * INT192_BYTES, BigInt(bytesToHex(bytes)))

/** Equal values in the order of the oracles: one list, one encoding. */
function ascending(a: JudgedObservation, b: JudgedObservation): number {
  return a.value < b.value ? -1 : a.value > b.value ? 1 : a.oracle - b.oracle
}
