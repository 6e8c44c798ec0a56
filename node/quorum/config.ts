import {
  decodeEventLog,
  decodeFunctionResult,
  encodeFunctionData,
  getAddress,
  type Hex,
  hexToBytes,
  parseAbi,
  toEventSelector,
} from 'viem'
import type { Address, ChainLog, ChainReader } from '../ports/chain.ts'
import type { ConfigFields, ContractRef, OracleIdentity } from '../ports/quorum.ts'
import { configDigest } from './digest.ts'
import { QuorumConfigError } from './errors.ts'
import { MAX_ORACLES } from './limits.ts'
import { decodeOffchainConfig, pluginConfigBytes, type TimingParameters } from './offchain-config.ts'
import type { SealedSecret } from './shared-secret.ts'

/** OCR2Abstract's interface, as far as the engine needs it. */
export const OCR2_ABI = parseAbi([
  'event ConfigSet(uint32 previousConfigBlockNumber, bytes32 configDigest, uint64 configCount, address[] signers, address[] transmitters, uint8 f, bytes onchainConfig, uint64 offchainConfigVersion, bytes offchainConfig)',
  'function latestConfigDetails() view returns (uint32 configCount, uint32 blockNumber, bytes32 configDigest)',
  'function transmit(bytes32[3] reportContext, bytes report, bytes32[] rs, bytes32[] ss, bytes32 rawVs)',
])
const CONFIG_SET = toEventSelector(OCR2_ABI[0])

/** A contract's configuration as its `ConfigSet` has it; its fields hash to its digest. */
export interface ContractConfig {
  readonly configDigest: Hex
  /** Where its `ConfigSet` is: of two configurations of a contract the newer is at the higher block. */
  readonly blockNumber: number
  /** The confirmed block at which the contract was asked. */
  readonly readAt: bigint
  readonly fields: ConfigFields
}

/** A quorum as its contract has it, checked. */
export interface QuorumConfig extends ContractConfig {
  readonly contract: ContractRef
  readonly f: number
  readonly oracles: readonly OracleIdentity[]
  readonly timing: TimingParameters
  readonly onchainConfig: Uint8Array
  readonly pluginConfig: Uint8Array
  readonly secret: SealedSecret
}

/** Reads a contract's current configuration and checks it as that of a quorum. Rejects as `readContractConfig`. */
export async function readQuorumConfig(chain: ChainReader, contract: ContractRef): Promise<QuorumConfig> {
  return checkedConfig(await readContractConfig(chain, contract))
}

/**
 * Reads a further contract that gets a quorum's reports: its validators must be the same, in the same order. Rejects as
 * `readContractConfig`, and with `QUORUM_CONFIG_DESTINATION`.
 */
export async function readDestination(
  chain: ChainReader,
  contract: ContractRef,
  home: QuorumConfig,
): Promise<ContractConfig> {
  const config = await readContractConfig(chain, contract)
  const same = (list: (fields: ConfigFields) => readonly Address[]) =>
    list(config.fields).join().toLowerCase() === list(home.fields).join().toLowerCase()
  const problems: string[] = []
  if (!same((fields) => fields.signers)) problems.push('its signers')
  if (!same((fields) => fields.transmitters)) problems.push('its transmitters')
  if (config.fields.f !== home.fields.f) problems.push('its f')
  if (problems.length === 0) return config
  throw new QuorumConfigError(
    'QUORUM_CONFIG_DESTINATION',
    `${contract.address} on chain ${contract.chainId} is to get reports of ${home.contract.address}, but differs in ${problems.join(', ')}; call its setConfig with the same ones, in the same order`,
    { data: { contract, home: home.contract, problems } },
  )
}

/**
 * Reads a contract's current configuration from its `ConfigSet` event, at a block with the chain's confirmations.
 * Nothing is believed: the digest is computed again from the event's fields. Rejects with `QuorumConfigError` or the
 * reader's `ChainError`.
 */
async function readContractConfig(chain: ChainReader, contract: ContractRef): Promise<ContractConfig> {
  const { chainId, address } = contract
  const confirmations = confirmationsOf(chain, chainId)
  const latest = await latestConfirmed(chain, contract)
  if (latest.configDigest === null) {
    throw new QuorumConfigError(
      'QUORUM_CONFIG_NOT_SET',
      `no configuration at ${address} on chain ${chainId} with ${confirmations} confirmations yet; call setConfig`,
      { data: { contract, confirmations }, retry: true },
    )
  }
  const block = BigInt(latest.blockNumber)
  const filter = { address, topics: [CONFIG_SET], fromBlock: block, toBlock: block }
  const logs = await chain.logs(chainId, filter)
  const found = logs.map(decodeConfigSet).find((event) => event?.configDigest === latest.configDigest)
  if (found === undefined || found === null) {
    throw new QuorumConfigError(
      'QUORUM_CONFIG_EVENT_MISSING',
      `block ${block} of chain ${chainId} holds no ConfigSet of ${latest.configDigest}; check the chain's providers`,
      { data: { contract, block, configDigest: latest.configDigest }, retry: true },
    )
  }
  const { configDigest: onchain, ...event } = found
  const fields: ConfigFields = { contract, ...event }
  const computed = configDigest(fields)
  if (computed !== onchain) {
    throw new QuorumConfigError(
      'QUORUM_CONFIG_DIGEST_MISMATCH',
      `the configuration of ${contract.address} hashes to ${computed}, its contract says ${onchain}; the chain id, the address or the contract is not what this node thinks`,
      { data: { contract, computed, onchain } },
    )
  }
  return { configDigest: onchain, blockNumber: latest.blockNumber, readAt: latest.at, fields }
}

function confirmationsOf(chain: ChainReader, chainId: number): number {
  return chain.chains().find(({ id }) => id === chainId)?.confirmations ?? 0
}

/** What a contract says of its configuration. */
export interface LatestConfig {
  /** The confirmed block at which it was asked; negative on a chain shorter than its confirmations. */
  readonly at: bigint
  readonly blockNumber: number
  /** Null when there is none. */
  readonly configDigest: Hex | null
}

/**
 * Whether `latest` is to be followed in place of `known`. An answer that names an earlier block comes from a lagging
 * provider, unless it is from a later state of the chain: then the chain was reorganised below that configuration.
 */
export function supersedes(
  latest: LatestConfig,
  known: Pick<ContractConfig, 'configDigest' | 'blockNumber' | 'readAt'>,
): boolean {
  if (latest.configDigest === known.configDigest) return false
  if (latest.configDigest !== null && latest.blockNumber >= known.blockNumber) return true
  return latest.at > known.readAt
}

/** The contract's configuration as of the last confirmed block. Rejects with `ChainError`. */
export async function latestConfirmed(chain: ChainReader, contract: ContractRef): Promise<LatestConfig> {
  const { chainId, address } = contract
  const head = await chain.head(chainId)
  const at = head.number - BigInt(confirmationsOf(chain, chainId))
  const none = { at, blockNumber: 0, configDigest: null }
  if (at < 0n) return none
  const functionName = 'latestConfigDetails'
  const data = encodeFunctionData({ abi: OCR2_ABI, functionName })
  const result = await chain.call(chainId, { to: address, data, at })
  // No code there yet.
  if (result === '0x') return none
  const [count, blockNumber, digest] = decodeFunctionResult({ abi: OCR2_ABI, functionName, data: result })
  return count === 0 ? none : { at, blockNumber, configDigest: digest }
}

interface ConfigSet extends Omit<ConfigFields, 'contract'> {
  readonly configDigest: Hex
}

/** Null for a log that is no `ConfigSet`. */
function decodeConfigSet(log: ChainLog): ConfigSet | null {
  try {
    const [topic, ...topics] = log.topics
    if (topic === undefined) return null
    const event = decodeEventLog({
      abi: OCR2_ABI,
      eventName: 'ConfigSet',
      data: log.data,
      topics: [topic, ...topics],
    })
    // Where the configuration before it is says nothing of this one, and is not part of the digest.
    const { previousConfigBlockNumber: _, ...fields } = event.args
    return fields
  } catch {
    return null
  }
}

/** Checks the fields against one another and reads the off-chain part. */
export function checkedConfig(config: ContractConfig): QuorumConfig {
  const { contract, signers, transmitters, f, ...event } = config.fields
  const offchain = decodeOffchainConfig(event.offchainConfigVersion, event.offchainConfig)
  const n = signers.length
  const problems: string[] = []
  if (n < 1 || n > MAX_ORACLES) problems.push(`there must be 1 to ${MAX_ORACLES} signers`)
  if (transmitters.length !== n) problems.push(`${n} signers but ${transmitters.length} transmitters`)
  if (offchain.oracles.length !== n)
    problems.push(`${n} signers but keys of ${offchain.oracles.length} oracles`)
  if (n < 3 * f + 1) problems.push(`n=${n} tolerates fewer than f=${f} faulty validators (n >= 3f+1)`)
  if (new Set(signers.map((signer) => signer.toLowerCase())).size !== n)
    problems.push('a signer occurs twice')
  if (problems.length > 0) {
    throw new QuorumConfigError('QUORUM_CONFIG_ORACLES', `${problems.join('; ')}; call setConfig again`, {
      data: { contract, problems },
    })
  }
  return {
    ...config,
    contract,
    f,
    oracles: offchain.oracles.map(({ peerKey, consensusKey }, index) => ({
      index,
      signer: getAddress(signers[index] ?? '0x'),
      transmitter: getAddress(transmitters[index] ?? '0x'),
      peerKey,
      consensusKey,
    })),
    timing: offchain.timing,
    onchainConfig: event.onchainConfig === '0x' ? new Uint8Array() : hexToBytes(event.onchainConfig),
    pluginConfig: pluginConfigBytes(offchain),
    secret: offchain.secret,
  }
}

/** This node's four identities. */
export interface OwnIdentity {
  readonly signer: Address
  readonly transmitter: Address
  readonly peerKey: Hex
  readonly consensusKey: Hex
}

export type Membership =
  | { readonly role: 'member'; readonly self: number }
  | { readonly role: 'observer' }
  /** Some keys match and others don't: taking part would sign with keys that nobody expects. */
  | { readonly role: 'refused'; readonly reason: string }

const KEY_NAMES = {
  signer: 'on-chain signer',
  transmitter: 'transmitter account',
  peerKey: 'peer key',
  consensusKey: 'consensus key',
} as const

/** Finds this node among the oracles: only by all four of its keys together. */
export function membershipOf(oracles: readonly OracleIdentity[], own: OwnIdentity): Membership {
  const names = ['signer', 'transmitter', 'peerKey', 'consensusKey'] as const
  const same = (oracle: OracleIdentity, key: (typeof names)[number]) =>
    oracle[key].toLowerCase() === own[key].toLowerCase()
  for (const oracle of oracles) {
    const matching = names.filter((key) => same(oracle, key))
    if (matching.length === names.length) return { role: 'member', self: oracle.index }
    if (matching.length === 0) continue
    const listed = matching.map((key) => KEY_NAMES[key]).join(', ')
    const differing = names
      .filter((key) => !matching.includes(key))
      .map((key) => `${KEY_NAMES[key]} (configured ${oracle[key]}, here ${own[key]})`)
      .join(', ')
    return {
      role: 'refused',
      reason: `oracle ${oracle.index} has this node's ${listed}, but another ${differing}; correct this node's keys or call setConfig`,
    }
  }
  return { role: 'observer' }
}
