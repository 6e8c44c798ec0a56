import {
  decodeAbiParameters,
  decodeFunctionResult,
  encodeAbiParameters,
  encodeFunctionData,
  hexToBytes,
} from 'viem'
import { oracleFeedAbi } from '../../../contracts/abi/OracleFeed.ts'
import type { ChainReader, Hex } from '../../../node/ports/chain.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import { decodeOnchainConfig } from '../contract-config.ts'
import { evidenceDigest } from '../report.ts'
import { scalar } from '../values/scalar.ts'
import { type ContractKind, integerOf } from './contract-kind.ts'

/** ABI types of a report, as OracleFeed.sol parses it. */
const REPORT = [
  { name: 'observationsTimestamp', type: 'uint32' },
  { name: 'answer', type: 'int192' },
  { name: 'evidenceDigest', type: 'bytes32' },
  { name: 'modelDigest', type: 'bytes32' },
] as const

/** Our own contracts do not read the third context word. */
export const NO_EXTRA: Hex = `0x${'00'.repeat(32)}`

/** Our own contract, OracleFeed.sol. It takes answers out of range and shows its readers that it did. */
export const feedKind: ContractKind<bigint> = {
  name: 'feed',
  values: scalar,

  decodeOnchainConfig: (bytes) => ({
    modelDigest: decodeOnchainConfig(bytes).modelDigest,
    limits: null,
    labels: null,
  }),

  report: (outcome) => ({
    payload: hexToBytes(
      encodeAbiParameters(REPORT, [
        outcome.timestamp,
        outcome.answer,
        evidenceDigest(scalar, outcome),
        outcome.modelDigest,
      ]),
    ),
    extraHash: NO_EXTRA,
  }),

  decodeReport(payload) {
    const [observationsTimestamp, answer] = decodeAbiParameters(REPORT, payload)
    return { observationsTimestamp, answer }
  },

  latestTimestamp,

  roundEvent: 'feed.ReportTransmitted',
  roundIdOf: (data) => integerOf(data, 'roundId'),
}

/** Of our own contracts, whatever the shape of their answers. */
export async function latestTimestamp(
  chain: ChainReader,
  { chainId, address }: ContractRef,
): Promise<number | null> {
  const functionName = 'latestObservationsTimestamp'
  const call = encodeFunctionData({ abi: oracleFeedAbi, functionName })
  const data = await chain.call(chainId, { to: address, data: call })
  const timestamp = decodeFunctionResult({ abi: oracleFeedAbi, functionName, data })
  return timestamp === 0 ? null : timestamp
}
