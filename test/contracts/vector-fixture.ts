import { encodeAbiParameters, type Hex, parseAbiParameters } from 'viem'
import { EVIDENCE, type Feed, HEARTBEAT_SECONDS, MODEL, newOracleSet, setConfig } from './feed-fixture.ts'
import { deploy, type Network, sender } from './network.ts'
import { configDigest } from './quorum-report.ts'

const CONFIG_FIELDS = parseAbiParameters('uint8, int192, int192, uint32, bytes32, uint256[]')
const REPORT_FIELDS = parseAbiParameters('uint32, bytes32, bytes32, uint8, uint8, uint256, int192[]')

/** Bounds of fixture feeds of vectors. */
export const MIN_ELEMENT = -1_000n
export const MAX_ELEMENT = 2n ** 150n

/** A deployed vector feed with the keys of its oracles. */
export interface VectorFeed extends Feed {
  readonly length: number
}

/** Element i is labelled 300 * (i + 1). */
export const labelsOf = (length: number) => Array.from({ length }, (_, i) => 300n * BigInt(i + 1))

/** A configured vector feed of `n` oracles and `length` elements. */
export async function deployVectorFeed(
  network: Network,
  n: number,
  length: number,
  onchainConfig: Hex = encodeAbiParameters(CONFIG_FIELDS, [
    1,
    MIN_ELEMENT,
    MAX_ELEMENT,
    HEARTBEAT_SECONDS,
    MODEL,
    labelsOf(length),
  ]),
): Promise<VectorFeed> {
  const address = await deploy(network, 'OracleVectorFeed', [sender(network, 0), 8, BigInt(length), 'TEST'])
  const { keys, set, transmitter } = newOracleSet(network, n, onchainConfig)
  await setConfig(network, address, set)
  const digest = configDigest({ chainId: network.chainId, contract: address, configCount: 1n }, set)
  return { network, address, keys, set, digest, transmitter, length }
}

/** A report observed at the newest block's time; 3 of 4 agree. */
export async function vectorReport(
  feed: VectorFeed,
  { answers, spread }: { readonly answers: readonly bigint[]; readonly spread: bigint },
): Promise<Hex> {
  const { timestamp } = await feed.network.public.getBlock()
  return encodeAbiParameters(REPORT_FIELDS, [Number(timestamp), EVIDENCE, MODEL, 3, 4, spread, answers])
}
