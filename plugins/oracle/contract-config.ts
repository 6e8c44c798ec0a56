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
  /** Report when the value, or any element of a vector, moved by at least this share of the last one, in millionths. */
  readonly deviationPpm: number
  /** Report at least this often; below the contract's heartbeat, so that a live feed never looks stale. */
  readonly reportIntervalSeconds: number
  /** An observation farther from the median than max(absolute, |median| * ppm / 1e6) is left out. */
  readonly toleranceAbsolute: bigint
  readonly tolerancePpm: number
  /** How vectors become one, as the model's manifest says; `median` for a feed of one number. */
  readonly agreement: 'median' | 'medoid'
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
/** Version 2 has one word more, the rule of agreement. */
const agreements = { median: 1, medoid: 2 } as const satisfies Record<FeedRules['agreement'], number>

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

/** Feeds that take the median are written as version 1, as before there was another rule. */
function rulesBytes(rules: FeedRules): Hex {
  const { deviationPpm, reportIntervalSeconds, toleranceAbsolute, tolerancePpm, ...rest } = rules
  const words = [deviationPpm, reportIntervalSeconds, toleranceAbsolute, tolerancePpm] as const
  const ages = [rest.maxPinAgeSeconds, rest.inFlightSeconds] as const
  return rules.agreement === 'median'
    ? encodeAbiParameters(rulesAbi, [1, ...words, ...ages])
    : encodeAbiParameters(
        [...rulesAbi, { type: 'uint8' }],
        [2, ...words, ...ages, agreements[rules.agreement]],
      )
}

/** Throws `ORACLE_BAD_BYTES`. */
export function decodeRules(bytes: Uint8Array): FeedRules {
  const failure = 'the pluginConfig of this contract is not one of a feed'
  const [version, deviationPpm, reportIntervalSeconds, toleranceAbsolute, tolerancePpm, maxPinAge, inFlight] =
    attempt(failure, () => decodeAbiParameters(rulesAbi, bytes))
  requireVersion('pluginConfig', version, 2)
  const rules: FeedRules = {
    deviationPpm,
    reportIntervalSeconds,
    toleranceAbsolute,
    tolerancePpm,
    agreement: version === 1 ? 'median' : 'medoid',
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

/** Throws `ORACLE_BAD_BYTES` with that message where `run` throws. */
export function attempt<T>(failure: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw new OracleError('ORACLE_BAD_BYTES', failure, {}, { cause })
  }
}

/** Throws `ORACLE_BAD_BYTES` unless the bytes are what would be written for what was read. */
export function requireCanonical(what: string, bytes: Uint8Array, again: Hex): void {
  if (bytesToHex(bytes) !== again)
    throw new OracleError('ORACLE_BAD_BYTES', `the ${what} of this contract is not in canonical form`, {
      length: bytes.length,
    })
}

/** Throws `ORACLE_BAD_BYTES` unless the version is from 1 to `newest`. */
export function requireVersion(what: string, version: number, newest = 1): void {
  if (version < 1 || version > newest)
    throw new OracleError(
      'ORACLE_BAD_BYTES',
      `${what} has version ${version}; this node knows 1${newest === 1 ? '' : ` to ${newest}`}: upgrade it`,
      { version },
    )
}
