import { decodeAbiParameters, encodeAbiParameters, hexToBytes } from 'viem'
import { evidenceDigest } from '../report.ts'
import { vector } from '../values/vector.ts'
import { decodeVectorOnchainConfig } from '../vector-config.ts'
import { type ContractKind, integerOf } from './contract-kind.ts'
import { latestTimestamp, NO_EXTRA } from './feed.ts'

/** ABI types of a report, as OracleVectorFeed.sol parses it. */
const REPORT = [
  { name: 'observationsTimestamp', type: 'uint32' },
  { name: 'evidenceDigest', type: 'bytes32' },
  { name: 'modelDigest', type: 'bytes32' },
  { name: 'agreeing', type: 'uint8' },
  { name: 'observers', type: 'uint8' },
  { name: 'spread', type: 'uint256' },
  { name: 'answers', type: 'int192[]' },
] as const

/** Our own contract for vectors, OracleVectorFeed.sol. It takes vectors out of range and shows its readers that it did. */
export const vectorKind: ContractKind<readonly bigint[]> = {
  name: 'vector',
  values: vector,

  decodeOnchainConfig(bytes) {
    const { modelDigest, labels } = decodeVectorOnchainConfig(bytes)
    return { modelDigest, limits: null, labels }
  },

  report: (outcome) => ({
    payload: hexToBytes(
      encodeAbiParameters(REPORT, [
        outcome.timestamp,
        evidenceDigest(vector, outcome),
        outcome.modelDigest,
        outcome.observations.filter(({ accepted }) => accepted).length,
        outcome.observations.length,
        outcome.spread,
        outcome.answer,
      ]),
    ),
    extraHash: NO_EXTRA,
  }),

  decodeReport(payload) {
    const [observationsTimestamp, , , , , , answer] = decodeAbiParameters(REPORT, payload)
    return { observationsTimestamp, answer }
  },

  latestTimestamp,

  roundEvent: 'vector.VectorTransmitted',
  roundIdOf: (data) => integerOf(data, 'roundId'),
}
