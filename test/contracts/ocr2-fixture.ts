import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type Address, bytesToHex, type Hex } from 'viem'
import { ocr2AggregatorAbi } from '../../contracts/abi/Ocr2Aggregator.ts'
import {
  encodeOffchainConfig,
  OFFCHAIN_CONFIG_VERSION,
  type TimingParameters,
} from '../../node/quorum/offchain-config.ts'
import { sealSecret } from '../../node/quorum/shared-secret.ts'
import { encodeRules, type FeedRules } from '../../plugins/oracle/contract-config.ts'
import { encodeOcr2OnchainConfig } from '../../plugins/oracle/kinds/ocr2.ts'
import { type Identity, makeIdentity } from '../quorum/memory/ports.ts'
import { deploy, mined, type Network, sender } from './network.ts'

/** What the fixture's aggregator takes. */
export const LIMITS = { min: -1_000n, max: 1_000_000n } as const

export const TIMING: TimingParameters = {
  deltaProgress: 6_000,
  deltaResend: 1_500,
  deltaInitial: 3_000,
  deltaRound: 150,
  deltaGrace: 50,
  deltaStage: 1_500,
  rMax: 1_000,
}

export const RULES: FeedRules = {
  deviationPpm: 10_000,
  reportIntervalSeconds: 100_000,
  toleranceAbsolute: 10n,
  tolerancePpm: 0,
  maxPinAgeSeconds: 1_000,
  inFlightSeconds: 1_000,
  agreement: 'median',
}

/** An aggregator that somebody else deployed and that its owner gave to our validators. */
export interface Foreign {
  readonly network: Network
  readonly address: Address
  readonly identities: readonly Identity[]
  readonly f: number
}

/** An aggregator of `n` validators, whose transmitters are accounts 1 to n of the chain. */
export async function deployForeign(network: Network, n: number): Promise<Foreign> {
  const address = await deploy(network, 'Ocr2Aggregator', [LIMITS.min, LIMITS.max, 8, 'TEST / USD'])
  const identities = Array.from({ length: n }, (_, at) => ({
    ...makeIdentity(),
    transmitter: sender(network, at + 1),
  }))
  const foreign = { network, address, identities, f: Math.floor((n - 1) / 3) }
  await configureForeign(foreign)
  return foreign
}

/** `setConfig` as its owner: the limits that the contract was made with, and our own off-chain configuration. */
export async function configureForeign(
  { network, address, identities, f }: Foreign,
  onchainConfig: Hex = encodeOcr2OnchainConfig(LIMITS),
): Promise<void> {
  const consensusKeys = identities.map(({ signers: { consensus } }) => bytesToHex(consensus.publicKey))
  const offchainConfig = encodeOffchainConfig({
    timing: TIMING,
    oracles: identities.map(({ peerKey }, at) => ({
      peerKey: bytesToHex(peerKey),
      consensusKey: consensusKeys[at] ?? '0x',
    })),
    secret: sealSecret(consensusKeys, randomBytes),
    pluginConfig: encodeRules(RULES),
  })
  const hash = await network.wallet.writeContract({
    address,
    abi: ocr2AggregatorAbi,
    functionName: 'setConfig',
    args: [
      identities.map(({ signers: { report } }) => report.address),
      identities.map(({ transmitter }) => transmitter),
      f,
      onchainConfig,
      OFFCHAIN_CONFIG_VERSION,
      offchainConfig,
    ],
    account: sender(network, 0),
  })
  await mined(network, hash)
}

/** `latestRoundData` of an aggregator. */
export function latestRound({ network, address }: Foreign) {
  return network.public.readContract({ address, abi: ocr2AggregatorAbi, functionName: 'latestRoundData' })
}

/** The validator with this index. */
export function identityOf({ identities }: Foreign, index: number): Identity {
  const identity = identities[index]
  assert(identity, `there is no validator ${index}`)
  return identity
}
