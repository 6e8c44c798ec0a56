import { type Hex, keccak256, toHex } from 'viem'
import { modelRegistryAbi } from '../../../contracts/abi/ModelRegistry.ts'
import { oracleFeedAbi } from '../../../contracts/abi/OracleFeed.ts'
import {
  configDigest,
  encodeOnchainConfig,
  encodeReport,
  epochAndRound,
  newOracleKeys,
  type OracleKey,
  reportHash,
  signHash,
  transmitArgs,
  ZERO_WORD,
} from '../../contracts/quorum-report.ts'
import { type Anvil, account, deploy } from './fixture.ts'

export const modelDigest = keccak256(toHex('model'))
export const evidenceDigest = keccak256(toHex('evidence'))

export interface Feed {
  readonly address: Hex
  readonly keys: readonly OracleKey[]
  readonly transmitters: readonly Hex[]
  readonly digest: Hex
}

/** A feed of four oracles that takes answers from 0 to 1,000. */
export async function deployFeed({ client, chainId }: Anvil): Promise<Feed> {
  const address = await deploy(client, 'OracleFeed', oracleFeedAbi, [account.address, 8, 'A / B'], 'oracle')
  const keys = newOracleKeys(4)
  const set = {
    signers: keys.map((key) => key.address),
    transmitters: [...newOracleKeys(3).map((key) => key.address), account.address],
    f: 1,
    onchainConfig: encodeOnchainConfig({ min: 0n, max: 1_000n, heartbeatSeconds: 60, modelDigest }),
    offchainConfigVersion: 2n ** 64n - 1n,
    offchainConfig: '0xc0ffee',
  } as const
  const hash = await client.writeContract({
    address,
    abi: oracleFeedAbi,
    functionName: 'setConfig',
    args: [
      set.signers,
      set.transmitters,
      set.f,
      set.onchainConfig,
      set.offchainConfigVersion,
      set.offchainConfig,
    ],
    account,
    chain: null,
  })
  await client.waitForTransactionReceipt({ hash })
  const digest = configDigest({ chainId, contract: address, configCount: 1n }, set)
  return { address, keys, transmitters: set.transmitters, digest }
}

/** Transmits a report of round `round`, signed by as many oracles as the feed wants. Resolves with its time. */
export async function report({ client }: Anvil, feed: Feed, round: number, answer: bigint): Promise<bigint> {
  const { timestamp } = await client.getBlock()
  const encoded = encodeReport({
    observationsTimestamp: Number(timestamp),
    answer,
    evidenceDigest,
    modelDigest,
  })
  const context = [feed.digest, epochAndRound(1, round), ZERO_WORD] as const
  const wanted = await client.readContract({
    address: feed.address,
    abi: oracleFeedAbi,
    functionName: 'requiredSignatures',
  })
  const signatures = await Promise.all(
    feed.keys
      .slice(0, Number(wanted))
      .map(({ privateKey }) => signHash(privateKey, reportHash(context, encoded))),
  )
  const hash = await client.writeContract({
    address: feed.address,
    abi: oracleFeedAbi,
    functionName: 'transmit',
    args: transmitArgs(context, encoded, signatures),
    account,
    chain: null,
  })
  await client.waitForTransactionReceipt({ hash })
  return timestamp
}

/** A registry with one model of two versions, the first switched off, given to its own owner. */
export async function deployRegistry({ client }: Anvil): Promise<Hex> {
  const address = await deploy(client, 'ModelRegistry', modelRegistryAbi, [], 'oracle')
  const base = { address, abi: modelRegistryAbi, account, chain: null } as const
  for (const hash of [
    await client.writeContract({
      ...base,
      functionName: 'register',
      args: ['Volatility', modelDigest, 'ipfs://1'],
    }),
    await client.writeContract({
      ...base,
      functionName: 'addVersion',
      args: [1n, evidenceDigest, 'ipfs://2'],
    }),
    await client.writeContract({ ...base, functionName: 'setVersionActive', args: [1n, 1, false] }),
    await client.writeContract({
      ...base,
      functionName: 'transferModelOwnership',
      args: [1n, account.address],
    }),
    await client.writeContract({ ...base, functionName: 'acceptModelOwnership', args: [1n] }),
  ]) {
    await client.waitForTransactionReceipt({ hash })
  }
  return address
}
