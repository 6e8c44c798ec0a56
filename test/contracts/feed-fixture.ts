import assert from 'node:assert/strict'
import { type Address, type Hex, keccak256, toHex } from 'viem'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import { deploy, mined, type Network, sender } from './network.ts'
import {
  configDigest,
  encodeOnchainConfig,
  encodeReport,
  epochAndRound,
  newOracleKeys,
  type OracleKey,
  type OracleSetConfig,
  type RawSignature,
  type ReportContext,
  reportHash,
  signHash,
  type TransmitArgs,
  transmitArgs,
  ZERO_WORD,
} from './quorum-report.ts'

/** Digest of the model that fixture feeds are bound to. */
export const MODEL = keccak256(toHex('model'))
/** Digest of the evidence that fixture reports carry. */
export const EVIDENCE = keccak256(toHex('evidence'))
/** Bounds and heartbeat of fixture feeds. */
export const MIN_ANSWER = -1_000n
export const MAX_ANSWER = 1_000_000n
export const HEARTBEAT_SECONDS = 3600

/** A deployed feed with the keys of its oracles. */
export interface Feed {
  readonly network: Network
  readonly address: Address
  readonly keys: readonly OracleKey[]
  readonly set: OracleSetConfig
  readonly digest: Hex
  /** An active transmitter that the chain signs for: the last of the list, the dearest to look up. */
  readonly transmitter: Address
}

/** A feed without an oracle set, owned by the chain's first account. */
export function deployFeedContract(network: Network): Promise<Address> {
  return deploy(network, 'OracleFeed', [sender(network, 0), 8, 'TEST / USD'])
}

/** An oracle set of `n` fresh keys that tolerates the most faults `n` allows. */
export function newOracleSet(
  network: Network,
  n: number,
  onchainConfig: Hex = feedConfig(),
): { readonly keys: readonly OracleKey[]; readonly set: OracleSetConfig; readonly transmitter: Address } {
  const keys = newOracleKeys(n)
  const transmitter = sender(network, 1)
  const others = newOracleKeys(n - 1).map(({ address }) => address)
  const set: OracleSetConfig = {
    signers: keys.map(({ address }) => address),
    transmitters: [...others, transmitter],
    f: Math.floor((n - 1) / 3),
    onchainConfig,
    offchainConfigVersion: 30n,
    offchainConfig: '0xc0ffee',
  }
  return { keys, set, transmitter }
}

/** The fixture's on-chain configuration, with changes. */
export function feedConfig(changes: Partial<Parameters<typeof encodeOnchainConfig>[0]> = {}): Hex {
  return encodeOnchainConfig({
    min: MIN_ANSWER,
    max: MAX_ANSWER,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    modelDigest: MODEL,
    ...changes,
  })
}

/** Sets a feed's configuration as its owner. */
export async function setConfig(network: Network, address: Address, set: OracleSetConfig): Promise<void> {
  const { signers, transmitters, f, onchainConfig, offchainConfigVersion, offchainConfig } = set
  const hash = await network.wallet.writeContract({
    address,
    abi: oracleFeedAbi,
    functionName: 'setConfig',
    args: [signers, transmitters, f, onchainConfig, offchainConfigVersion, offchainConfig],
    account: sender(network, 0),
  })
  await mined(network, hash)
}

/** A configured feed of `n` oracles. */
export async function deployFeed(
  network: Network,
  n: number,
  onchainConfig: Hex = feedConfig(),
): Promise<Feed> {
  const address = await deployFeedContract(network)
  const { keys, set, transmitter } = newOracleSet(network, n, onchainConfig)
  await setConfig(network, address, set)
  const digest = configDigest({ chainId: network.chainId, contract: address, configCount: 1n }, set)
  return { network, address, keys, set, digest, transmitter }
}

/** A report's context under the feed's configuration. */
export function contextOf(feed: Feed, epoch: number, round = 1): ReportContext {
  return [feed.digest, epochAndRound(epoch, round), ZERO_WORD]
}

/** A report observed at the newest block's time, with changes. */
export async function reportOf(
  feed: Feed,
  changes: Partial<Parameters<typeof encodeReport>[0]> = {},
): Promise<Hex> {
  const { timestamp } = await feed.network.public.getBlock()
  return encodeReport({
    observationsTimestamp: Number(timestamp),
    answer: 42n,
    evidenceDigest: EVIDENCE,
    modelDigest: MODEL,
    ...changes,
  })
}

/** Signatures of the oracles with these indices, in this order. */
export function signedBy(
  feed: Feed,
  indices: readonly number[],
  context: ReportContext,
  report: Hex,
): Promise<readonly RawSignature[]> {
  const hash = reportHash(context, report)
  return Promise.all(
    indices.map((index) => {
      const key = feed.keys[index]
      assert(key, `there is no oracle ${index}`)
      return signHash(key.privateKey, hash)
    }),
  )
}

/** A whole transmission signed by the last f + 1 oracles. */
export async function transmission(feed: Feed, context: ReportContext, report: Hex): Promise<TransmitArgs> {
  const n = feed.keys.length
  const indices = Array.from({ length: feed.set.f + 1 }, (_, i) => n - feed.set.f - 1 + i)
  return transmitArgs(context, report, await signedBy(feed, indices, context, report))
}

/** Sends a transmission and waits for it. */
export async function transmit(feed: Feed, args: TransmitArgs, account: Address = feed.transmitter) {
  const { network, address } = feed
  const hash = await network.wallet.writeContract({
    address,
    abi: oracleFeedAbi,
    functionName: 'transmit',
    args,
    account,
  })
  return mined(network, hash)
}

/** Runs a transmission against the newest state without sending it. */
export function tryTransmit(
  feed: Feed,
  args: TransmitArgs,
  account: Address = feed.transmitter,
): Promise<unknown> {
  const { network, address } = feed
  return network.public.simulateContract({
    address,
    abi: oracleFeedAbi,
    functionName: 'transmit',
    args,
    account,
  })
}
