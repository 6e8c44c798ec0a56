import {
  decodeAbiParameters,
  encodeAbiParameters,
  encodeFunctionData,
  parseAbi,
  parseAbiParameters,
} from 'viem'
import { clientOf, feedOf, rpc } from './chain.ts'
import { feed, type Hex } from './http.ts'
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

interface Contract {
  readonly chainId: number
  readonly address: Hex
}

/** The `ConfigSet` event of the configuration in force. */
export async function configEvent(net: Network, { chainId, address }: Contract) {
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
 * observations beyond 2f+1. At its mirrors too, as the documents ask. Resolves with the feed's new digest once it is
 * mined; validators follow within their 15 s, or when they start.
 */
export async function setConfig(
  net: Network,
  id: string,
  change: { rMax: number; deltaGrace: number },
): Promise<Hex> {
  const { mirrors } = await feed(net.description.api[0] ?? '', id)
  for (const mirror of mirrors) await setAt(net, mirror, change)
  return setAt(net, feedOf(net, id), change)
}

async function setAt(
  net: Network,
  contract: Contract,
  change: { rMax: number; deltaGrace: number },
): Promise<Hex> {
  const { args, digest: before } = await configEvent(net, contract)
  const { signers, transmitters, f, onchainConfig, offchainConfigVersion } = args
  const [progress, resend, initial, round, , stage, , ...rest] = decodeAbiParameters(
    offchainTypes,
    args.offchainConfig,
  )
  const offchainConfig = encodeAbiParameters(offchainTypes, [
    ...([progress, resend, initial, round, change.deltaGrace, stage, change.rMax] as const),
    ...rest,
  ])
  const data = encodeFunctionData({
    abi: verifierAbi,
    functionName: 'setConfig',
    args: [signers, transmitters, f, onchainConfig, offchainConfigVersion, offchainConfig],
  })
  const chain = net.description.chains.find((each) => each.id === contract.chainId)?.rpc ?? ''
  const [owner] = (await rpc(chain, 'eth_accounts', [])) as string[]
  await rpc(chain, 'eth_sendTransaction', [{ from: owner, to: contract.address, gas: '0x4c4b40', data }])
  return until(
    'the new configuration is mined',
    async () => {
      const { digest } = await configEvent(net, contract)
      return digest !== before && digest
    },
    { withinMs: 15_000 },
  )
}
