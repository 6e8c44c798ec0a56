import { bytesToHex, decodeAbiParameters, encodeAbiParameters } from 'viem'
import type { Hex } from '../../node/ports/chain.ts'
import { OracleError } from './errors.ts'

/** `onchainConfig` of an OracleFeed, as the contract itself parses it. */
export interface FeedOnchainConfig {
  /** Answers outside [minAnswer, maxAnswer] make no round. */
  readonly minAnswer: bigint
  readonly maxAnswer: bigint
  /** A round older than this is stale. */
  readonly heartbeatSeconds: number
  readonly modelDigest: Hex
}

/** What all validators of a feed must apply alike: part of the off-chain configuration that the config digest binds. */
export interface FeedRules {
  /** Report when the value moved by at least this share of the last one, in millionths. */
  readonly deviationPpm: number
  /** Report at least this often; below the contract's heartbeat, so that a live feed never looks stale. */
  readonly reportIntervalSeconds: number
  /** An observation farther from the median than max(absolute, |median| * ppm / 1e6) is left out. */
  readonly toleranceAbsolute: bigint
  readonly tolerancePpm: number
  /** A pinned block may be this much older than a validator's own newest confirmed block. */
  readonly maxPinAgeSeconds: number
  /** While a report is this young and not yet seen on-chain it counts as if it were. */
  readonly inFlightSeconds: number
}

const onchainAbi = [
  { type: 'uint8' },
  { type: 'int192' },
  { type: 'int192' },
  { type: 'uint32' },
  { type: 'bytes32' },
] as const
const rulesAbi = [
  { type: 'uint8' },
  { type: 'uint32' },
  { type: 'uint32' },
  { type: 'int192' },
  { type: 'uint32' },
  { type: 'uint32' },
  { type: 'uint32' },
] as const

/** Bytes for `setConfig(.., onchainConfig, ..)`. Throws `ORACLE_BAD_BYTES` for what the contract would refuse. */
export function encodeOnchainConfig(config: FeedOnchainConfig): Hex {
  if (config.minAnswer >= config.maxAnswer || config.heartbeatSeconds <= 0)
    throw new OracleError('ORACLE_BAD_BYTES', 'minAnswer must be below maxAnswer and the heartbeat positive')
  return attempt('these values fit no onchainConfig', () => onchainBytes(config))
}

const onchainBytes = (config: FeedOnchainConfig): Hex =>
  encodeAbiParameters(onchainAbi, [
    1,
    config.minAnswer,
    config.maxAnswer,
    config.heartbeatSeconds,
    config.modelDigest,
  ])

/** Throws `ORACLE_BAD_BYTES`. */
export function decodeOnchainConfig(bytes: Uint8Array): FeedOnchainConfig {
  const [version, minAnswer, maxAnswer, heartbeatSeconds, modelDigest] = attempt(
    'the onchainConfig of this contract is not one of a feed',
    () => decodeAbiParameters(onchainAbi, bytes),
  )
  requireVersion('onchainConfig', version)
  const config = { minAnswer, maxAnswer, heartbeatSeconds, modelDigest }
  requireCanonical('onchainConfig', bytes, onchainBytes(config))
  return config
}

/** Bytes for the duty's part of the off-chain configuration. Throws `ORACLE_BAD_BYTES` when the rules contradict each other. */
export function encodeRules(rules: FeedRules): Hex {
  checkRules(rules)
  return attempt('these rules fit no pluginConfig', () => rulesBytes(rules))
}

const rulesBytes = (rules: FeedRules): Hex =>
  encodeAbiParameters(rulesAbi, [
    1,
    rules.deviationPpm,
    rules.reportIntervalSeconds,
    rules.toleranceAbsolute,
    rules.tolerancePpm,
    rules.maxPinAgeSeconds,
    rules.inFlightSeconds,
  ])

/** Throws `ORACLE_BAD_BYTES`. */
export function decodeRules(bytes: Uint8Array): FeedRules {
  const [version, deviationPpm, reportIntervalSeconds, toleranceAbsolute, tolerancePpm, maxPinAge, inFlight] =
    attempt('the pluginConfig of this contract is not one of a feed', () =>
      decodeAbiParameters(rulesAbi, bytes),
    )
  requireVersion('pluginConfig', version)
  const rules = {
    deviationPpm,
    reportIntervalSeconds,
    toleranceAbsolute,
    tolerancePpm,
    maxPinAgeSeconds: maxPinAge,
    inFlightSeconds: inFlight,
  }
  checkRules(rules)
  requireCanonical('pluginConfig', bytes, rulesBytes(rules))
  return rules
}

function checkRules(rules: FeedRules): void {
  if (rules.reportIntervalSeconds === 0 || rules.maxPinAgeSeconds === 0 || rules.toleranceAbsolute < 0n)
    throw new OracleError(
      'ORACLE_BAD_BYTES',
      'reportIntervalSeconds and maxPinAgeSeconds must be positive and toleranceAbsolute not negative: set the configuration anew',
      { reportIntervalSeconds: rules.reportIntervalSeconds, maxPinAgeSeconds: rules.maxPinAgeSeconds },
    )
}

function attempt<T>(failure: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw new OracleError('ORACLE_BAD_BYTES', failure, {}, { cause })
  }
}

function requireCanonical(what: string, bytes: Uint8Array, again: Hex): void {
  if (bytesToHex(bytes) !== again)
    throw new OracleError('ORACLE_BAD_BYTES', `the ${what} of this contract is not in canonical form`, {
      length: bytes.length,
    })
}

function requireVersion(what: string, version: number): void {
  if (version !== 1)
    throw new OracleError(
      'ORACLE_BAD_BYTES',
      `${what} has version ${version}; this node knows 1: upgrade it`,
      { version },
    )
}
