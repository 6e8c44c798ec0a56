import type { Hex } from '../../../node/ports/chain.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import { lower, type Place } from './event.ts'

const ZERO_WORD: Hex = `0x${'00'.repeat(32)}`

/** Names the rows of a request in all three tables. */
export function requestRowId({ chainId, address }: Place, requestId: bigint): string {
  return `${chainId}-${lower(address)}-${requestId}`
}

export interface RequestArgs {
  readonly requestId: bigint
  readonly modelDigest: Hex
  readonly requester: Hex
  readonly modelId: bigint
  readonly version: number
  readonly inputHash: Hex
  readonly inputLength: number
  readonly input: Hex
  readonly callbackGasLimit: number
  readonly minAgreeing: number
  readonly finalOnly: boolean
  readonly deadline: bigint
  readonly price: bigint
  readonly maxFee: bigint
}

export function requestRow(place: Place, args: RequestArgs): Row<'inferenceRequest'> {
  return {
    ...whereabouts(place, args.requestId),
    modelDigest: lower(args.modelDigest),
    modelId: args.modelId,
    version: args.version,
    requester: lower(args.requester),
    inputHash: lower(args.inputHash),
    inputLength: args.inputLength,
    input: lower(args.input),
    callbackGasLimit: args.callbackGasLimit,
    minAgreeing: args.minAgreeing,
    finalOnly: args.finalOnly,
    delivered: false,
    deadline: args.deadline,
    price: args.price,
    maxFee: args.maxFee,
    status: 'pending',
    endedBlock: 0n,
  }
}

export interface AnswerArgs {
  readonly requestId: bigint
  readonly modelDigest: Hex
  readonly transmitter: Hex
  readonly outcome: number
  readonly agreeing: number
  readonly observers: number
  readonly spread: bigint
  readonly values: readonly bigint[]
  readonly evidenceDigest: Hex
  readonly observationsTimestamp: number
  readonly finalAt: bigint
  readonly configCount: number
  readonly epochAndRound: number
}

/** What the callback was and what the answer cost follows in the same transaction. */
export function answerRow(place: Place, args: AnswerArgs): Row<'inferenceAnswer'> {
  return {
    ...whereabouts(place, args.requestId),
    modelDigest: lower(args.modelDigest),
    outcome: args.outcome,
    agreeing: args.agreeing,
    observers: args.observers,
    spread: args.spread,
    values: args.values.map(String),
    evidenceDigest: lower(args.evidenceDigest),
    observationsTimestamp: BigInt(args.observationsTimestamp),
    finalAt: args.finalAt,
    configCount: args.configCount,
    epochAndRound: BigInt(args.epochAndRound),
    callback: 'none',
    gasUsed: 0n,
    gasFee: 0n,
    transmitter: lower(args.transmitter),
  }
}

export interface ChallengeArgs {
  readonly requestId: bigint
  readonly challenger: Hex
  readonly bond: bigint
  readonly anchorBlock: bigint
  readonly committeeSize: number
  readonly verdictDeadline: bigint
}

export function disputeRow(place: Place, args: ChallengeArgs): Row<'inferenceDispute'> {
  return {
    ...whereabouts(place, args.requestId),
    challenger: lower(args.challenger),
    bond: args.bond,
    anchorBlock: args.anchorBlock,
    committeeSize: args.committeeSize,
    seed: ZERO_WORD,
    deadline: args.verdictDeadline,
    status: 'open',
    votes: 0,
    distance: 0n,
    values: [],
    evidenceDigest: ZERO_WORD,
    endedBlock: 0n,
    verdictTransaction: ZERO_WORD,
  }
}

export interface VerdictArgs {
  readonly upheld: boolean
  readonly votes: number
  readonly distance: bigint
  readonly values: readonly bigint[]
  readonly evidenceDigest: Hex
}

/** What a verdict changes in the row of its dispute. */
export function verdictOf({ blockNumber, transactionHash }: Place, args: VerdictArgs) {
  return {
    status: args.upheld ? 'upheld' : 'overturned',
    votes: args.votes,
    distance: args.distance,
    values: args.values.map(String),
    evidenceDigest: lower(args.evidenceDigest),
    endedBlock: blockNumber,
    verdictTransaction: lower(transactionHash),
  }
}

/** What the three tables share. */
function whereabouts(place: Place, requestId: bigint) {
  return {
    id: requestRowId(place, requestId),
    chainId: place.chainId,
    oracle: lower(place.address),
    requestId,
    transactionHash: lower(place.transactionHash),
    blockNumber: place.blockNumber,
    logIndex: place.logIndex,
    timestamp: place.timestamp,
  }
}
