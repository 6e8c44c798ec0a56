import {
  decodeAbiParameters,
  encodeAbiParameters,
  encodeFunctionData,
  parseAbi,
  parseAbiParameters,
} from 'viem'
import { clientOf, feedOf, rpc } from './chain.ts'
import type { Hex } from './http.ts'
import type { Network } from './network.ts'
import { until } from './until.ts'

export const verifierAbi = parseAbi([
  'event ConfigSet(uint32 previousConfigBlockNumber, bytes32 configDigest, uint64 configCount, address[] signers, address[] transmitters, uint8 f, bytes onchainConfig, uint64 offchainConfigVersion, bytes offchainConfig)',
  'function latestConfigDetails() view returns (uint32 configCount, uint32 blockNumber, bytes32 configDigest)',
  'function setConfig(address[] signers, address[] transmitters, uint8 f, bytes onchainConfig, uint64 offchainConfigVersion, bytes offchainConfig)',
])

export const offchainTypes = parseAbiParameters([
  'uint32 deltaProgress, uint32 deltaResend, uint32 deltaInitial, uint32 deltaRound, uint32 deltaGrace, uint32 deltaStage, uint32 rMax, Oracle[] oracles, bytes pluginConfig, bytes32 ephemeralKey, bytes32 secretHash, bytes32[] maskedSecrets',
  'struct Oracle { bytes32 peerKey; bytes32 consensusKey; }',
])

/** The `ConfigSet` event of the configuration in force. */
export async function configEvent(net: Network, id: string) {
  const { chainId, address } = feedOf(net, id)
  const client = clientOf(net, chainId)
  const [, block, digest] = await client.readContract({
    address,
    abi: verifierAbi,
    functionName: 'latestConfigDetails',
  })
  const [log] = await client.getContractEvents({
    address,
    abi: verifierAbi,
    eventName: 'ConfigSet',
    fromBlock: BigInt(block),
    toBlock: BigInt(block),
    strict: true,
  })
  if (log === undefined) throw new Error('no ConfigSet event')
  return { digest, args: log.args }
}

/**
 * What the owner of a feed may change: how many rounds a leader has, and how long it waits, in milliseconds, for
 * observations beyond 2f+1. Resolves with the new digest once it is mined; validators follow within their 15 s, or when
 * they start.
 */
export async function setConfig(
  net: Network,
  id: string,
  change: { rMax: number; deltaGrace: number },
): Promise<Hex> {
  const { chainId, address } = feedOf(net, id)
  const before = await configEvent(net, id)
  const { args } = before
  const [progress, resend, initial, round, , stage, , ...rest] = decodeAbiParameters(
    offchainTypes,
    args.offchainConfig,
  )
  const offchainConfig = encodeAbiParameters(offchainTypes, [
    ...([progress, resend, initial, round, change.deltaGrace, stage, change.rMax] as const),
    ...rest,
  ])
  const chain = net.description.chains.find(({ id }) => id === chainId)?.rpc ?? ''
  const [owner] = (await rpc(chain, 'eth_accounts', [])) as string[]
  const data = encodeFunctionData({
    abi: verifierAbi,
    functionName: 'setConfig',
    args: [
      args.signers,
      args.transmitters,
      args.f,
      args.onchainConfig,
      args.offchainConfigVersion,
      offchainConfig,
    ],
  })
  await rpc(chain, 'eth_sendTransaction', [{ from: owner, to: address, gas: '0x4c4b40', data }])
  return until(
    'the new configuration is mined',
    async () => {
      const { digest } = await configEvent(net, id)
      return digest !== before.digest && digest
    },
    { withinMs: 15_000 },
  )
}
