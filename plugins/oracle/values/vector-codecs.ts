import { type AbiParameter, decodeAbiParameters, encodeAbiParameters } from 'viem'
import type { Codec } from '../../../node/ports/quorum.ts'
import { canonical } from '../canonical.ts'
import { pinsFromAbi, pinsToAbi, queryAbi } from '../codecs.ts'
import type { FeedObservation, FeedOutcome } from '../feed-types.ts'

/** ABI types of one observation of a vector. */
export const vectorObservationAbi = [
  { name: 'values', type: 'int192[]' },
  { name: 'hasRound', type: 'bool' },
  { name: 'onchainAnswers', type: 'int192[]' },
  { name: 'onchainTimestamp', type: 'uint64' },
] as const satisfies readonly AbiParameter[]

/** ABI types of an outcome of vectors: the evidence whose keccak256 stands in the report. */
export const vectorOutcomeAbi = [
  { name: 'feedId', type: 'string' },
  { name: 'modelDigest', type: 'bytes32' },
  queryAbi[0],
  {
    name: 'observations',
    type: 'tuple[]',
    components: [
      { name: 'oracle', type: 'uint8' },
      { name: 'values', type: 'int192[]' },
      { name: 'accepted', type: 'bool' },
    ],
  },
  { name: 'answers', type: 'int192[]' },
  { name: 'spread', type: 'uint256' },
  { name: 'timestamp', type: 'uint64' },
  { name: 'agreed', type: 'bool' },
  { name: 'due', type: 'bool' },
  { name: 'hasReport', type: 'bool' },
  { name: 'reportAnswers', type: 'int192[]' },
  { name: 'reportTimestamp', type: 'uint64' },
] as const satisfies readonly AbiParameter[]

export const vectorObservationCodec: Codec<FeedObservation<readonly bigint[]>> = canonical(
  'vector observation',
  ({ value, onchain }) =>
    encodeAbiParameters(vectorObservationAbi, [
      value,
      onchain !== null,
      onchain?.answer ?? [],
      BigInt(onchain?.timestamp ?? 0),
    ]),
  (bytes) => {
    const [value, hasRound, answer, timestamp] = decodeAbiParameters(vectorObservationAbi, bytes)
    return { value, onchain: hasRound ? { answer, timestamp: Number(timestamp) } : null }
  },
)

export const vectorOutcomeCodec: Codec<FeedOutcome<readonly bigint[]>> = canonical(
  'vector outcome',
  (outcome) =>
    encodeAbiParameters(vectorOutcomeAbi, [
      outcome.feedId,
      outcome.modelDigest,
      pinsToAbi(outcome.pins),
      outcome.observations.map(({ oracle, value, accepted }) => ({ oracle, values: value, accepted })),
      outcome.answer,
      outcome.spread,
      BigInt(outcome.timestamp),
      outcome.agreed,
      outcome.due,
      outcome.lastReport !== null,
      outcome.lastReport?.answer ?? [],
      BigInt(outcome.lastReport?.timestamp ?? 0),
    ]),
  (bytes) => {
    const [
      feedId,
      modelDigest,
      pins,
      observations,
      answer,
      spread,
      timestamp,
      agreed,
      due,
      has,
      last,
      lastAt,
    ] = decodeAbiParameters(vectorOutcomeAbi, bytes)
    return {
      feedId,
      modelDigest,
      pins: pinsFromAbi(pins),
      observations: observations.map(({ oracle, values, accepted }) => ({ oracle, value: values, accepted })),
      answer,
      spread,
      timestamp: Number(timestamp),
      agreed,
      due,
      lastReport: has ? { answer: last, timestamp: Number(lastAt) } : null,
    }
  },
)
