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
