import { decodeAbiParameters, encodeAbiParameters } from 'viem'
import type { Hex } from '../../node/ports/chain.ts'
import { attempt, type FeedOnchainConfig, requireCanonical, requireVersion } from './contract-config.ts'
import { OracleError } from './errors.ts'

/** `onchainConfig` of an OracleVectorFeed, as the contract itself parses it. */
export interface VectorOnchainConfig extends FeedOnchainConfig {
  /** One for each element of an answer, in their order, for example horizons in seconds; as many as the contract was made for. */
  readonly labels: readonly bigint[]
}

/** Elements that a contract can be made for. */
const MAX_LENGTH = 32

const abi = [
  { type: 'uint8' },
  { type: 'int192' },
  { type: 'int192' },
  { type: 'uint32' },
  { type: 'bytes32' },
  { type: 'uint256[]' },
] as const

/** Bytes for `setConfig(.., onchainConfig, ..)`. Throws `ORACLE_BAD_BYTES` for what the contract would refuse. */
export function encodeVectorOnchainConfig(config: VectorOnchainConfig): Hex {
  const { labels, minAnswer, maxAnswer, heartbeatSeconds } = config
  if (minAnswer >= maxAnswer || heartbeatSeconds <= 0 || labels.length === 0 || labels.length > MAX_LENGTH)
    throw new OracleError(
      'ORACLE_BAD_BYTES',
      `minAnswer must be below maxAnswer, the heartbeat positive, and there are 1 to ${MAX_LENGTH} labels`,
      { labels: labels.length },
    )
  return attempt('these values fit no onchainConfig', () => bytesOf(config))
}

/** Throws `ORACLE_BAD_BYTES`. */
export function decodeVectorOnchainConfig(bytes: Uint8Array): VectorOnchainConfig {
  const [version, minAnswer, maxAnswer, heartbeatSeconds, modelDigest, labels] = attempt(
    'the onchainConfig of this contract is not one of a vector feed',
    () => decodeAbiParameters(abi, bytes),
  )
  requireVersion('onchainConfig', version)
  const config = { minAnswer, maxAnswer, heartbeatSeconds, modelDigest, labels }
  requireCanonical('onchainConfig', bytes, bytesOf(config))
  return config
}

const bytesOf = (config: VectorOnchainConfig): Hex =>
  encodeAbiParameters(abi, [
    1,
    config.minAnswer,
    config.maxAnswer,
    config.heartbeatSeconds,
    config.modelDigest,
    config.labels,
  ])
