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
  type JudgedDispute,
  type JudgedItem,
  type JudgedResult,
  type OutcomeCode,
  outcomes,
  type RequestObservation,
  type RequestOutcome,
  type RequestQuery,
  type RequestResult,
  type RulingCode,
  rulings,
} from './request-types.ts'

const itemComponents = [
  { name: 'requestId', type: 'uint256' },
  { name: 'modelDigest', type: 'bytes32' },
  { name: 'inputHash', type: 'bytes32' },
  { name: 'minAgreeing', type: 'uint8' },
  { name: 'rule', type: 'string' },
  { name: 'callbackGasLimit', type: 'uint32' },
] as const

const disputeComponents = [
  { name: 'requestId', type: 'uint256' },
  { name: 'modelDigest', type: 'bytes32' },
  { name: 'inputHash', type: 'bytes32' },
  { name: 'rule', type: 'string' },
  { name: 'callbackGasLimit', type: 'uint32' },
  { name: 'outcome', type: 'uint8' },
  { name: 'values', type: 'int256[]' },
  { name: 'committee', type: 'uint8[]' },
] as const

const upkeepAbi = {
  name: 'upkeep',
  type: 'tuple[]',
  components: [
    { name: 'requestId', type: 'uint256' },
    { name: 'callbackGasLimit', type: 'uint32' },
  ],
} as const

/** `state` 0: a vector; otherwise the place of the reason in `abstentions`, from 1. */
const resultComponents = [
  { name: 'state', type: 'uint8' },
  { name: 'values', type: 'int256[]' },
  { name: 'provider', type: 'string' },
] as const

const judgedResults = {
  name: 'results',
  type: 'tuple[]',
  components: [
    { name: 'oracle', type: 'uint8' },
    { name: 'result', type: 'tuple', components: resultComponents },
    { name: 'agrees', type: 'bool' },
    { name: 'hasDistance', type: 'bool' },
    { name: 'distance', type: 'uint256' },
  ],
} as const

/** ABI types of a round's query. */
export const requestQueryAbi = [
  queryAbi[0],
  { name: 'items', type: 'tuple[]', components: itemComponents },
  { name: 'disputes', type: 'tuple[]', components: disputeComponents },
  upkeepAbi,
] as const satisfies readonly AbiParameter[]

/** ABI types of one observation. */
export const requestObservationAbi = [
  { name: 'results', type: 'tuple[]', components: resultComponents },
  { name: 'rulings', type: 'tuple[]', components: resultComponents },
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
      judgedResults,
    ],
  },
  {
    name: 'disputes',
    type: 'tuple[]',
    components: [
      { name: 'dispute', type: 'tuple', components: disputeComponents },
      { name: 'ruling', type: 'uint8' },
      { name: 'reason', type: 'string' },
      { name: 'votes', type: 'uint8' },
      { name: 'distance', type: 'uint256' },
      { name: 'values', type: 'int256[]' },
      judgedResults,
    ],
  },
  upkeepAbi,
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
  'not-drawn': true,
}
const rulingReasons: readonly JudgedDispute['reason'][] = [
  ...(['too-few-observations', 'abstained', 'undecided', 'apart', 'too-few-agreeing'] as const),
]

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

function rulingReasonFromAbi(text: string): JudgedDispute['reason'] {
  if (text === '') return null
  const found = rulingReasons.find((each) => each === text)
  if (found === undefined) throw bad(`reason ${text}`)
  return found
}

function rulingFromAbi(code: number): RulingCode {
  const found = Object.values(rulings).find((each) => each === code)
  if (found === undefined) throw bad(`ruling ${code}`)
  return found
}

interface JudgedWords {
  readonly oracle: number
  readonly result: ResultWords
  readonly agrees: boolean
  readonly hasDistance: boolean
  readonly distance: bigint
}

const judgedToAbi = ({ distance, result, ...rest }: JudgedResult): JudgedWords => ({
  ...rest,
  result: resultToAbi(result),
  hasDistance: distance !== null,
  distance: distance ?? 0n,
})

const judgedFromAbi = ({ hasDistance, distance, result, ...rest }: JudgedWords): JudgedResult => ({
  ...rest,
  result: resultFromAbi(result),
  distance: hasDistance ? distance : null,
})

function onePin(pins: readonly Pin[]): readonly [Pin] {
  const [pin, ...others] = pins
  if (pin === undefined || others.length > 0) throw bad(`${pins.length} pins`)
  return [pin]
}

const bad = (what: string) => new OracleError('ORACLE_BAD_BYTES', `${what.slice(0, 80)} is not known`)

// The ABI coder wants arrays that it may write to.
const copy = <T extends object>(value: T) => ({ ...value })

export const requestQueryCodec: Codec<RequestQuery> = canonical(
  'query',
  ({ pins, items, disputes, upkeep }) =>
    encodeAbiParameters(requestQueryAbi, [
      pinsToAbi(pins),
      items.map(copy),
      disputes.map(copy),
      upkeep.map(copy),
    ]),
  (bytes) => {
    const [pins, items, disputes, upkeep] = decodeAbiParameters(requestQueryAbi, bytes)
    return { pins: onePin(pinsFromAbi(pins)), items, disputes, upkeep }
  },
)

export const requestObservationCodec: Codec<RequestObservation> = canonical(
  'observation',
  ({ results, rulings }) =>
    encodeAbiParameters(requestObservationAbi, [results.map(resultToAbi), rulings.map(resultToAbi)]),
  (bytes) => {
    const [results, rulings] = decodeAbiParameters(requestObservationAbi, bytes)
    return { results: results.map(resultFromAbi), rulings: rulings.map(resultFromAbi) }
  },
)

export const requestOutcomeCodec: Codec<RequestOutcome> = canonical(
  'outcome',
  ({ oracleId, pins, items, disputes, upkeep, resting }) =>
    encodeAbiParameters(requestOutcomeAbi, [
      oracleId,
      pinsToAbi(pins),
      items.map((judged) => ({
        ...judged,
        item: copy(judged.item),
        reason: judged.reason ?? '',
        results: judged.results.map(judgedToAbi),
      })),
      disputes.map((judged) => ({
        ...judged,
        dispute: copy(judged.dispute),
        reason: judged.reason ?? '',
        results: judged.results.map(judgedToAbi),
      })),
      upkeep.map(copy),
      resting.map(({ requestId, until }) => ({ requestId, until: BigInt(until) })),
    ]),
  (bytes) => {
    const [oracleId, pins, items, disputes, upkeep, resting] = decodeAbiParameters(requestOutcomeAbi, bytes)
    return {
      oracleId,
      pins: onePin(pinsFromAbi(pins)),
      items: items.map((judged) => ({
        ...judged,
        outcome: codeFromAbi(judged.outcome),
        reason: reasonFromAbi(judged.reason),
        results: judged.results.map(judgedFromAbi),
      })),
      disputes: disputes.map((judged) => ({
        ...judged,
        ruling: rulingFromAbi(judged.ruling),
        reason: rulingReasonFromAbi(judged.reason),
        results: judged.results.map(judgedFromAbi),
      })),
      upkeep,
      resting: resting.map(({ requestId, until }) => ({ requestId, until: Number(until) })),
    }
  },
)

/** keccak256 of the outcome's canonical bytes: what ties a report to the data it came from. */
export function requestEvidenceDigest(outcome: RequestOutcome): Hex {
  return keccak256(requestOutcomeCodec.encode(outcome))
}
