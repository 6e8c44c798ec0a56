import { type AbiParameter, decodeAbiParameters, encodeAbiParameters } from 'viem'
import type { Codec } from '../../node/ports/quorum.ts'
import { canonical } from './canonical.ts'
import type { FeedObservation, FeedOutcome, FeedQuery, Pin } from './feed-types.ts'

/** ABI types of a round's query, so that anybody can decode the evidence with the tools of the field. */
export const queryAbi = [
  {
    name: 'pins',
    type: 'tuple[]',
    components: [
      { name: 'chainId', type: 'uint64' },
      { name: 'number', type: 'uint64' },
      { name: 'hash', type: 'bytes32' },
      { name: 'timestamp', type: 'uint64' },
    ],
  },
] as const satisfies readonly AbiParameter[]

/** ABI types of one observation. */
export const observationAbi = [
  { name: 'value', type: 'int192' },
  { name: 'hasRound', type: 'bool' },
  { name: 'onchainAnswer', type: 'int192' },
  { name: 'onchainTimestamp', type: 'uint64' },
] as const satisfies readonly AbiParameter[]

/** ABI types of an outcome: the evidence whose keccak256 stands in the report. */
export const outcomeAbi = [
  { name: 'feedId', type: 'string' },
  { name: 'modelDigest', type: 'bytes32' },
  queryAbi[0],
  {
    name: 'observations',
    type: 'tuple[]',
    components: [
      { name: 'oracle', type: 'uint8' },
      { name: 'value', type: 'int192' },
      { name: 'accepted', type: 'bool' },
    ],
  },
  { name: 'answer', type: 'int192' },
  { name: 'spread', type: 'uint256' },
  { name: 'timestamp', type: 'uint64' },
  { name: 'agreed', type: 'bool' },
  { name: 'due', type: 'bool' },
  { name: 'hasReport', type: 'bool' },
  { name: 'reportAnswer', type: 'int192' },
  { name: 'reportTimestamp', type: 'uint64' },
] as const satisfies readonly AbiParameter[]

export const pinsToAbi = (pins: readonly Pin[]) =>
  pins.map((pin) => ({ ...pin, chainId: BigInt(pin.chainId), timestamp: BigInt(pin.timestamp) }))
export const pinsFromAbi = (
  pins: readonly { chainId: bigint; number: bigint; hash: `0x${string}`; timestamp: bigint }[],
) => pins.map((pin) => ({ ...pin, chainId: Number(pin.chainId), timestamp: Number(pin.timestamp) }))

export const queryCodec: Codec<FeedQuery> = canonical(
  'query',
  (query) => encodeAbiParameters(queryAbi, [pinsToAbi(query.pins)]),
  (bytes) => ({ pins: pinsFromAbi(decodeAbiParameters(queryAbi, bytes)[0]) }),
)

export const observationCodec: Codec<FeedObservation> = canonical(
  'observation',
  ({ value, onchain }) =>
    encodeAbiParameters(observationAbi, [
      value,
      onchain !== null,
      onchain?.answer ?? 0n,
      BigInt(onchain?.timestamp ?? 0),
    ]),
  (bytes) => {
    const [value, hasRound, answer, timestamp] = decodeAbiParameters(observationAbi, bytes)
    return { value, onchain: hasRound ? { answer, timestamp: Number(timestamp) } : null }
  },
)

export const outcomeCodec: Codec<FeedOutcome> = canonical(
  'outcome',
  (outcome) =>
    encodeAbiParameters(outcomeAbi, [
      outcome.feedId,
      outcome.modelDigest,
      pinsToAbi(outcome.pins),
      [...outcome.observations],
      outcome.answer,
      outcome.spread,
      BigInt(outcome.timestamp),
      outcome.agreed,
      outcome.due,
      outcome.lastReport !== null,
      outcome.lastReport?.answer ?? 0n,
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
    ] = decodeAbiParameters(outcomeAbi, bytes)
    return {
      feedId,
      modelDigest,
      pins: pinsFromAbi(pins),
      observations,
      answer,
      spread,
      timestamp: Number(timestamp),
      agreed,
      due,
      lastReport: has ? { answer: last, timestamp: Number(lastAt) } : null,
    }
  },
)
