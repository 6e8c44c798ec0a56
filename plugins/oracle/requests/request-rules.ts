import { bytesToHex, decodeAbiParameters, encodeAbiParameters } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import { OracleError } from '../errors.ts'

/** What all validators of an inference oracle must apply alike: part of the off-chain configuration that the digest binds. */
export interface RequestRules {
  /** A pinned block may be this much older than a validator's own newest confirmed block. */
  readonly maxPinAgeSeconds: number
  /** For so long a reported request is taken to be on its way. */
  readonly inFlightSeconds: number
  /** After so long a request that could not be answered is tried again, until its own deadline. */
  readonly retrySeconds: number
  /** Most requests of one report, 1 to 12; fewer with many validators, whose results an outcome holds. */
  readonly maxRequests: number
  /** Most gas that the callbacks of one report may have; a single request may have more. */
  readonly maxCallbackGas: number
}

const VERSION = 1
const abi = [
  { type: 'uint8' },
  { type: 'uint32' },
  { type: 'uint32' },
  { type: 'uint32' },
  { type: 'uint8' },
  { type: 'uint32' },
] as const

/** Bytes for the duty's part of the off-chain configuration. Throws `ORACLE_BAD_BYTES` for rules that can't be. */
export function encodeRequestRules(rules: RequestRules): Hex {
  check(rules)
  try {
    return bytesOf(rules)
  } catch (cause) {
    throw new OracleError('ORACLE_BAD_BYTES', 'these rules fit no pluginConfig', {}, { cause })
  }
}

/** Throws `ORACLE_BAD_BYTES`. */
export function decodeRequestRules(bytes: Uint8Array): RequestRules {
  let words: readonly number[]
  try {
    words = decodeAbiParameters(abi, bytes)
  } catch (cause) {
    throw new OracleError(
      'ORACLE_BAD_BYTES',
      'the pluginConfig of this contract is not one of an inference oracle',
      { length: bytes.length },
      { cause },
    )
  }
  const [version = 0, maxPinAgeSeconds = 0, inFlightSeconds = 0, retrySeconds = 0, maxRequests = 0, gas = 0] =
    words
  if (version !== VERSION)
    throw new OracleError(
      'ORACLE_BAD_BYTES',
      `pluginConfig has version ${version}; this node knows ${VERSION}: upgrade it`,
      { version },
    )
  const rules = { maxPinAgeSeconds, inFlightSeconds, retrySeconds, maxRequests, maxCallbackGas: gas }
  check(rules)
  if (bytesOf(rules) !== bytesToHex(bytes))
    throw new OracleError('ORACLE_BAD_BYTES', 'the pluginConfig of this contract is not in canonical form')
  return rules
}

const bytesOf = (rules: RequestRules): Hex =>
  encodeAbiParameters(abi, [
    VERSION,
    rules.maxPinAgeSeconds,
    rules.inFlightSeconds,
    rules.retrySeconds,
    rules.maxRequests,
    rules.maxCallbackGas,
  ])

/** With 256 values each a report is below the 128 KiB that a transaction may have. */
const MAX_REQUESTS = 12
/** A transaction has at most 2^24 gas (EIP-7825). */
const MAX_GAS = 10_000_000

function check({
  maxPinAgeSeconds,
  inFlightSeconds,
  retrySeconds,
  maxRequests,
  maxCallbackGas,
}: RequestRules): void {
  if (
    maxPinAgeSeconds < 1 ||
    inFlightSeconds < 1 ||
    retrySeconds < 1 ||
    maxRequests < 1 ||
    maxRequests > MAX_REQUESTS ||
    inFlightSeconds > 3_600 ||
    maxCallbackGas > MAX_GAS
  )
    throw new OracleError(
      'ORACLE_BAD_BYTES',
      'maxPinAgeSeconds, inFlightSeconds and retrySeconds must be positive and maxRequests 1 to 12, inFlightSeconds at most an hour and maxCallbackGas at most 10 million: set the configuration anew',
      { maxPinAgeSeconds, inFlightSeconds, retrySeconds, maxRequests },
    )
}
