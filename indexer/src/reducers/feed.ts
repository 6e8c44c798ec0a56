import type { Hex } from '../../../node/ports/chain.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import { logId, lower, type Place } from './event.ts'

/** Arguments of `ReportTransmitted` and `AnswerOutOfRange`. */
export interface ReportArgs {
  readonly roundId: number
  readonly configDigest: Hex
  readonly epochAndRound: number
  readonly answer: bigint
  readonly observationsTimestamp: number
  readonly evidenceDigest: Hex
  readonly modelDigest: Hex
  readonly transmitter: Hex
}

/**
 * The row of a report.
 *
 * @param accepted false for `AnswerOutOfRange`: it made no round, and its row has round 0 whatever the event names
 */
export function feedRoundRow(place: Place, args: ReportArgs, accepted: boolean): Row<'feedRound'> {
  return {
    id: logId(place),
    chainId: place.chainId,
    feed: lower(place.address),
    roundId: accepted ? BigInt(args.roundId) : 0n,
    answer: args.answer,
    accepted,
    observationsTimestamp: BigInt(args.observationsTimestamp),
    epochAndRound: BigInt(args.epochAndRound),
    configDigest: lower(args.configDigest),
    evidenceDigest: lower(args.evidenceDigest),
    modelDigest: lower(args.modelDigest),
    transmitter: lower(args.transmitter),
    transactionHash: lower(place.transactionHash),
    blockNumber: place.blockNumber,
    blockHash: lower(place.blockHash),
    logIndex: place.logIndex,
    timestamp: place.timestamp,
  }
}

/** Arguments of `VectorTransmitted` and `VectorOutOfRange`. */
export interface VectorReportArgs extends Omit<ReportArgs, 'answer'> {
  readonly answers: readonly bigint[]
  readonly agreeing: number
  readonly observers: number
  readonly spread: bigint
}

/** The row of a vector feed's report; `accepted` as for `feedRoundRow`. */
export function feedVectorRoundRow(
  place: Place,
  args: VectorReportArgs,
  accepted: boolean,
): Row<'feedVectorRound'> {
  const { answer: _, ...shared } = feedRoundRow(place, { ...args, answer: 0n }, accepted)
  const { agreeing, observers, spread } = args
  return { ...shared, answers: args.answers.map(String), agreeing, observers, spread }
}

/** Arguments of an OCR2 aggregator's `NewTransmission`, as far as a round needs them. */
export interface TransmissionArgs {
  readonly aggregatorRoundId: number
  readonly answer: bigint
  readonly transmitter: Hex
  readonly observationsTimestamp: number
  readonly configDigest: Hex
  readonly epochAndRound: number
}

/** The transaction that a log comes from. */
export interface Call {
  readonly to: Hex | null
  readonly input: Hex
}

const ZERO_WORD: Hex = `0x${'00'.repeat(32)}`
const SELECTOR_DIGITS = 8
const WORD_DIGITS = 64

/**
 * The row of an OCR2 aggregator's round: such a contract refuses what is out of range, so every transmission made one.
 * It knows no model, and no evidence digest either: our validators sign that as the third context word.
 */
export function transmissionRow(place: Place, args: TransmissionArgs, call: Call): Row<'feedRound'> {
  const { aggregatorRoundId: roundId } = args
  const evidenceDigest = extraHashOf(place, args, call) ?? ZERO_WORD
  return feedRoundRow(place, { ...args, roundId, evidenceDigest, modelDigest: ZERO_WORD }, true)
}

/**
 * Third context word of this very transmission. `transmit` begins with the three words, of which the first two must be
 * those of the event. Null when the call went through another contract.
 */
function extraHashOf({ address }: Place, args: TransmissionArgs, { to, input }: Call): Hex | null {
  if (to === null || lower(to) !== lower(address)) return null
  const word = (index: number): Hex => {
    const from = 2 + SELECTOR_DIGITS + index * WORD_DIGITS
    return `0x${input.slice(from, from + WORD_DIGITS).toLowerCase()}`
  }
  const epochAndRound: Hex = `0x${args.epochAndRound.toString(16).padStart(WORD_DIGITS, '0')}`
  if (word(0) !== lower(args.configDigest) || word(1) !== epochAndRound) return null
  return word(2).length === ZERO_WORD.length ? word(2) : null
}

export interface ConfigSetArgs {
  readonly configDigest: Hex
  readonly configCount: bigint
  readonly signers: readonly Hex[]
  readonly transmitters: readonly Hex[]
  readonly f: number
  readonly onchainConfig: Hex
  readonly offchainConfigVersion: bigint
  readonly offchainConfig: Hex
}

export function validatorConfigRow(place: Place, args: ConfigSetArgs): Row<'validatorConfig'> {
  return {
    id: logId(place),
    chainId: place.chainId,
    contract: lower(place.address),
    configDigest: lower(args.configDigest),
    configCount: args.configCount,
    signers: args.signers.map(lower),
    transmitters: args.transmitters.map(lower),
    f: args.f,
    onchainConfig: lower(args.onchainConfig),
    offchainConfigVersion: args.offchainConfigVersion,
    offchainConfig: lower(args.offchainConfig),
    blockNumber: place.blockNumber,
    timestamp: place.timestamp,
  }
}
