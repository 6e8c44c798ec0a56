import { decodeAbiParameters, encodeAbiParameters, type Hex, hexToBytes, size } from 'viem'
import { QuorumConfigError } from './errors.ts'
import { MAX_ORACLES } from './limits.ts'
import type { SealedSecret } from './shared-secret.ts'

/** Layout 2 of the off-chain configuration, the `offchainConfigVersion` of `setConfig`. Layout 1 had no secret; no release wrote it. */
export const OFFCHAIN_CONFIG_VERSION = 2n

/** All in milliseconds but `rMax`. How to choose them: README. */
export interface TimingParameters {
  /** No commit for so long: wish for a new epoch. */
  readonly deltaProgress: number
  /** Messages that may have been lost are sent again. */
  readonly deltaResend: number
  /** No epoch start from a new leader for so long: wish for the next one. */
  readonly deltaInitial: number
  /** Least time between two round starts of a leader. */
  readonly deltaRound: number
  /** How long a leader waits for more observations once it has 2f+1. */
  readonly deltaGrace: number
  /** Time between two transmission stages. */
  readonly deltaStage: number
  /** Rounds of one epoch. */
  readonly rMax: number
}

export interface OffchainConfig {
  readonly timing: TimingParameters
  /** By oracle index: raw ed25519 keys, 32 bytes hex. */
  readonly oracles: readonly { readonly peerKey: Hex; readonly consensusKey: Hex }[]
  readonly pluginConfig: Hex
  /** Drawn anew for every configuration: `sealSecret`. */
  readonly secret: SealedSecret
}

const TYPES = [
  { type: 'uint32', name: 'deltaProgress' },
  { type: 'uint32', name: 'deltaResend' },
  { type: 'uint32', name: 'deltaInitial' },
  { type: 'uint32', name: 'deltaRound' },
  { type: 'uint32', name: 'deltaGrace' },
  { type: 'uint32', name: 'deltaStage' },
  { type: 'uint32', name: 'rMax' },
  {
    type: 'tuple[]',
    name: 'oracles',
    components: [
      { type: 'bytes32', name: 'peerKey' },
      { type: 'bytes32', name: 'consensusKey' },
    ],
  },
  { type: 'bytes', name: 'pluginConfig' },
  { type: 'bytes32', name: 'ephemeralKey' },
  { type: 'bytes32', name: 'secretHash' },
  { type: 'bytes32[]', name: 'maskedSecrets' },
] as const

/** `abi.encode` of the parameters in declaration order. Throws `QUORUM_CONFIG_TIMING` or `QUORUM_CONFIG_ORACLES`: what nobody would follow is not written. */
export function encodeOffchainConfig(config: OffchainConfig): Hex {
  checkTiming(config.timing)
  checkOracles(config)
  const t = config.timing
  return encodeAbiParameters(TYPES, [
    t.deltaProgress,
    t.deltaResend,
    t.deltaInitial,
    t.deltaRound,
    t.deltaGrace,
    t.deltaStage,
    t.rMax,
    config.oracles,
    config.pluginConfig,
    config.secret.ephemeralKey,
    config.secret.secretHash,
    config.secret.masked,
  ])
}

/** Inverse of `encodeOffchainConfig`; refuses another version, non-canonical bytes and contradicting parameters. */
export function decodeOffchainConfig(version: bigint, bytes: Hex): OffchainConfig {
  if (version !== OFFCHAIN_CONFIG_VERSION) {
    throw new QuorumConfigError(
      'QUORUM_CONFIG_VERSION',
      `offchainConfigVersion ${version} is unknown; set the configuration with version ${OFFCHAIN_CONFIG_VERSION} or upgrade this node`,
      { data: { version, known: OFFCHAIN_CONFIG_VERSION } },
    )
  }
  const config = parse(bytes)
  checkTiming(config.timing)
  checkOracles(config)
  // ABI has slack (offsets, padding, tails): one configuration must have one encoding.
  if (encodeOffchainConfig(config) !== bytes.toLowerCase()) throw malformed('its encoding is not canonical')
  return config
}

function parse(bytes: Hex): OffchainConfig {
  try {
    const [
      deltaProgress,
      deltaResend,
      deltaInitial,
      deltaRound,
      deltaGrace,
      deltaStage,
      rMax,
      oracles,
      pluginConfig,
      ephemeralKey,
      secretHash,
      masked,
    ] = decodeAbiParameters(TYPES, bytes)
    return {
      timing: { deltaProgress, deltaResend, deltaInitial, deltaRound, deltaGrace, deltaStage, rMax },
      oracles,
      pluginConfig,
      secret: { ephemeralKey, secretHash, masked },
    }
  } catch (cause) {
    throw malformed('it does not decode', cause)
  }
}

function malformed(why: string, cause?: unknown): QuorumConfigError {
  return new QuorumConfigError(
    'QUORUM_CONFIG_MALFORMED',
    `the off-chain configuration is malformed: ${why}; set it again with this version's encoder`,
    { data: { why }, cause },
  )
}

/** Throws `QUORUM_CONFIG_TIMING` when a parameter is out of range or contradicts another. */
export function checkTiming(timing: TimingParameters): void {
  const problems: string[] = []
  for (const [name, value] of Object.entries(timing)) {
    if (!Number.isSafeInteger(value) || value < 1 || value > 0x7fffffff)
      problems.push(`${name} must be 1 to 2^31-1`)
  }
  if (timing.deltaRound >= timing.deltaProgress) problems.push('deltaRound must be less than deltaProgress')
  if (timing.deltaInitial >= timing.deltaProgress)
    problems.push('deltaInitial must be less than deltaProgress')
  if (timing.deltaResend >= timing.deltaProgress)
    problems.push('deltaResend must be less than deltaProgress, or what was lost is sent again too late')
  if (timing.deltaGrace >= timing.deltaProgress) problems.push('deltaGrace must be less than deltaProgress')
  if (timing.deltaRound + timing.deltaGrace >= timing.deltaProgress) {
    problems.push('deltaRound + deltaGrace must be less than deltaProgress, or every epoch times out')
  }
  if (problems.length > 0) {
    throw new QuorumConfigError('QUORUM_CONFIG_TIMING', problems.join('; '), { data: { problems } })
  }
}

function checkOracles(config: OffchainConfig): void {
  const { oracles, secret } = config
  const problems: string[] = []
  if (secret.masked.length !== oracles.length)
    problems.push(`the secret is sealed for ${secret.masked.length} of ${oracles.length} oracles`)
  if (oracles.length < 1 || oracles.length > MAX_ORACLES)
    problems.push(`there must be 1 to ${MAX_ORACLES} oracles`)
  for (const key of ['peerKey', 'consensusKey'] as const) {
    const values = oracles.map((oracle) => oracle[key].toLowerCase())
    if (new Set(values).size !== values.length) problems.push(`two oracles have the same ${key}`)
    if (values.some((value) => !/^0x[0-9a-f]{64}$/.test(value))) problems.push(`a ${key} is not 32 bytes`)
  }
  if (problems.length > 0) {
    throw new QuorumConfigError('QUORUM_CONFIG_ORACLES', problems.join('; '), { data: { problems } })
  }
}

/** Raw bytes of a plugin configuration. */
export function pluginConfigBytes(config: OffchainConfig): Uint8Array {
  return size(config.pluginConfig) === 0 ? new Uint8Array() : hexToBytes(config.pluginConfig)
}
