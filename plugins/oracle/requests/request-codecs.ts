import { type AbiParameter, decodeAbiParameters, encodeAbiParameters, keccak256 } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import type { Codec } from '../../../node/ports/quorum.ts'
import type { NoAgreementReason } from '../agreement/agreement-types.ts'
import { canonical } from '../canonical.ts'
import { pinsFromAbi, pinsToAbi, queryAbi } from '../codecs.ts'
import { OracleError } from '../errors.ts'
import type { Pin } from '../feed-types.ts'
import {
  type Abstention,
  abstentions,
  type JudgedItem,
  type OutcomeCode,
  outcomes,
  type RequestItem,
  type RequestObservation,
  type RequestOutcome,
  type RequestQuery,
  type RequestResult,
} from './request-types.ts'

const itemComponents = [
  { name: 'requestId', type: 'uint256' },
  { name: 'modelDigest', type: 'bytes32' },
  { name: 'inputHash', type: 'bytes32' },
  { name: 'minAgreeing', type: 'uint8' },
  { name: 'rule', type: 'string' },
] as const

/** `state` 0: a vector; otherwise the place of the reason in `abstentions`, from 1. */
const resultComponents = [
  { name: 'state', type: 'uint8' },
  { name: 'values', type: 'int256[]' },
  { name: 'provider', type: 'string' },
] as const

/** ABI types of a round's query. */
export const requestQueryAbi = [
  queryAbi[0],
  { name: 'items', type: 'tuple[]', components: itemComponents },
] as const satisfies readonly AbiParameter[]

/** ABI types of one observation. */
export const requestObservationAbi = [
  { name: 'results', type: 'tuple[]', components: resultComponents },
] as const satisfies readonly AbiParameter[]

/** ABI types of an outcome: the evidence whose keccak256 stands in the report. `reason` is empty where there is an answer. */
export const requestOutcomeAbi = [
  { name: 'oracleId', type: 'string' },
  queryAbi[0],
  {
    name: 'items',
    type: 'tuple[]',
    components: [
      { name: 'item', type: 'tuple', components: itemComponents },
      { name: 'outcome', type: 'uint8' },
      { name: 'reason', type: 'string' },
      { name: 'agreeing', type: 'uint8' },
      { name: 'observers', type: 'uint8' },
      { name: 'spread', type: 'uint256' },
      { name: 'values', type: 'int256[]' },
      {
        name: 'results',
        type: 'tuple[]',
        components: [
          { name: 'oracle', type: 'uint8' },
          { name: 'result', type: 'tuple', components: resultComponents },
          { name: 'agrees', type: 'bool' },
          { name: 'hasDistance', type: 'bool' },
          { name: 'distance', type: 'uint256' },
        ],
      },
    ],
  },
  {
    name: 'resting',
    type: 'tuple[]',
    components: [
      { name: 'requestId', type: 'uint256' },
      { name: 'until', type: 'uint64' },
    ],
  },
] as const satisfies readonly AbiParameter[]

interface ResultWords {
  readonly state: number
  readonly values: readonly bigint[]
  readonly provider: string
}

const resultToAbi = (result: RequestResult): ResultWords =>
  result.kind === 'values'
    ? { state: 0, values: result.values, provider: result.provider }
    : { state: abstentions.indexOf(result.reason) + 1, values: [], provider: '' }

function resultFromAbi({ state, values, provider }: ResultWords): RequestResult {
  if (state === 0) return { kind: 'values', values, provider }
  const reason = abstentions[state - 1]
  if (reason === undefined) throw bad(`state ${state}`)
  return { kind: 'abstained', reason }
}

const reasons: Readonly<Record<NoAgreementReason | Abstention, true>> = {
  'too-few-observations': true,
  abstained: true,
  undecided: true,
  apart: true,
  'too-few-agreeing': true,
  'bad-input': true,
  'not-finite': true,
  unavailable: true,
}

function reasonFromAbi(text: string): JudgedItem['reason'] {
  if (text === '') return null
  if (!Object.hasOwn(reasons, text)) throw bad(`reason ${text}`)
  return text as JudgedItem['reason']
}

function codeFromAbi(code: number): OutcomeCode {
  const found = Object.values(outcomes).find((each) => each === code)
  if (found === undefined) throw bad(`outcome ${code}`)
  return found
}

function onePin(pins: readonly Pin[]): readonly [Pin] {
  const [pin, ...others] = pins
  if (pin === undefined || others.length > 0) throw bad(`${pins.length} pins`)
  return [pin]
}

const bad = (what: string) => new OracleError('ORACLE_BAD_BYTES', `${what.slice(0, 80)} is not known`)

// The ABI coder wants arrays that it may write to.
const itemToAbi = (item: RequestItem) => ({ ...item })

export const requestQueryCodec: Codec<RequestQuery> = canonical(
  'query',
  ({ pins, items }) => encodeAbiParameters(requestQueryAbi, [pinsToAbi(pins), items.map(itemToAbi)]),
  (bytes) => {
    const [pins, items] = decodeAbiParameters(requestQueryAbi, bytes)
    return { pins: onePin(pinsFromAbi(pins)), items }
  },
)

export const requestObservationCodec: Codec<RequestObservation> = canonical(
  'observation',
  ({ results }) => encodeAbiParameters(requestObservationAbi, [results.map(resultToAbi)]),
  (bytes) => ({ results: decodeAbiParameters(requestObservationAbi, bytes)[0].map(resultFromAbi) }),
)

export const requestOutcomeCodec: Codec<RequestOutcome> = canonical(
  'outcome',
  ({ oracleId, pins, items, resting }) =>
    encodeAbiParameters(requestOutcomeAbi, [
      oracleId,
      pinsToAbi(pins),
      items.map((judged) => ({
        ...judged,
        item: itemToAbi(judged.item),
        reason: judged.reason ?? '',
        results: judged.results.map(({ distance, result, ...rest }) => ({
          ...rest,
          result: resultToAbi(result),
          hasDistance: distance !== null,
          distance: distance ?? 0n,
        })),
      })),
      resting.map(({ requestId, until }) => ({ requestId, until: BigInt(until) })),
    ]),
  (bytes) => {
    const [oracleId, pins, items, resting] = decodeAbiParameters(requestOutcomeAbi, bytes)
    return {
      oracleId,
      pins: onePin(pinsFromAbi(pins)),
      items: items.map((judged) => ({
        ...judged,
        outcome: codeFromAbi(judged.outcome),
        reason: reasonFromAbi(judged.reason),
        results: judged.results.map(({ hasDistance, distance, result, ...rest }) => ({
          ...rest,
          result: resultFromAbi(result),
          distance: hasDistance ? distance : null,
        })),
      })),
      resting: resting.map(({ requestId, until }) => ({ requestId, until: Number(until) })),
    }
  },
)

/** keccak256 of the outcome's canonical bytes: what ties a report to the data it came from. */
export function requestEvidenceDigest(outcome: RequestOutcome): Hex {
  return keccak256(requestOutcomeCodec.encode(outcome))
}
