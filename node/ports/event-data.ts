import type { Address, Hex } from './chain.ts'

/** An integer of any size in decimal digits. */
type Decimal = string

type FeedReport = {
  readonly roundId: Decimal
  readonly configDigest: Hex
  readonly epochAndRound: Decimal
  readonly answer: Decimal
  readonly observationsTimestamp: Decimal
  readonly evidenceDigest: Hex
  readonly modelDigest: Hex
  readonly transmitter: Address
}

type VectorReport = {
  readonly roundId: Decimal
  readonly configDigest: Hex
  readonly epochAndRound: Decimal
  readonly answers: readonly Decimal[]
  readonly observationsTimestamp: Decimal
  readonly evidenceDigest: Hex
  readonly modelDigest: Hex
  readonly agreeing: Decimal
  readonly observers: Decimal
  readonly spread: Decimal
  readonly transmitter: Address
}

type ModelOwnership = {
  readonly modelId: Decimal
  readonly previousOwner: Address
  readonly newOwner: Address
}

/** The arguments of the events that are indexed, by the event's name. A test holds them equal to the contracts' ABIs. */
export type EventData = {
  readonly 'pool.Swap': {
    readonly sender: Address
    readonly amount0In: Decimal
    readonly amount1In: Decimal
    readonly amount0Out: Decimal
    readonly amount1Out: Decimal
    readonly to: Address
  }
  readonly 'pool.Sync': { readonly reserve0: Decimal; readonly reserve1: Decimal }
  readonly 'feed.ReportTransmitted': FeedReport
  readonly 'feed.AnswerOutOfRange': FeedReport
  readonly 'vector.VectorTransmitted': VectorReport
  readonly 'vector.VectorOutOfRange': VectorReport
  readonly 'ocr2.NewTransmission': {
    readonly aggregatorRoundId: Decimal
    readonly answer: Decimal
    readonly transmitter: Address
    readonly observationsTimestamp: Decimal
    readonly observations: readonly Decimal[]
    readonly observers: Hex
    readonly juelsPerFeeCoin: Decimal
    readonly configDigest: Hex
    readonly epochAndRound: Decimal
  }
  readonly 'quorum.ConfigSet': {
    readonly previousConfigBlockNumber: Decimal
    readonly configDigest: Hex
    readonly configCount: Decimal
    readonly signers: readonly Address[]
    readonly transmitters: readonly Address[]
    readonly f: Decimal
    readonly onchainConfig: Hex
    readonly offchainConfigVersion: Decimal
    readonly offchainConfig: Hex
  }
  readonly 'registry.ModelRegistered': {
    readonly modelId: Decimal
    readonly owner: Address
    readonly name: string
  }
  readonly 'registry.ModelVersionAdded': {
    readonly modelId: Decimal
    readonly version: Decimal
    readonly manifestDigest: Hex
    readonly uri: string
  }
  readonly 'registry.ModelVersionActiveSet': {
    readonly modelId: Decimal
    readonly version: Decimal
    readonly active: boolean
  }
  readonly 'registry.ModelOwnershipTransferStarted': ModelOwnership
  readonly 'registry.ModelOwnershipTransferred': ModelOwnership
}
