// What the owner of a feed does to take in a validator, on the devnet:
//   npx iyi keys list --config ../my-node/iyi.yaml > ../my-node/public.txt
//   npm run example -- add-validator <feed> ../my-node/public.txt [devnet.json]
// Everything else of the configuration stays as it is. The feed's mirrors get the same validators in the same order: one
// that was left out would get no more reports.
import { randomBytes } from 'node:crypto'
import { createWalletClient, http, parseEther, publicActions } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import type { DevnetDescription } from '../../node/devnet/description.ts'
import { decodeOffchainConfig, encodeOffchainConfig } from '../../node/quorum/offchain-config.ts'
import { sealSecret } from '../../node/quorum/shared-secret.ts'
import { type Newcomer, readNewcomer } from './devnet/newcomer.ts'
import { end, openDevnet } from './devnet/open-devnet.ts'

const [id, file, path = '.iyi/devnet/devnet.json'] = process.argv.slice(2)
if (id === undefined || file === undefined)
  end('give a feed and a file: npm run example -- add-validator <feed> <what iyi keys list printed>')
const { feed, devnet } = await openDevnet(path, id)
const newcomer = readNewcomer(file)
// Mirrors first: all can follow as soon as the feed's own contract has spoken. Again after a failure: those that have it are passed over.
for (const contract of [...feed.mirrors, feed]) await takeIn(contract, newcomer)

async function takeIn(contract: DevnetDescription['feeds'][number]['mirrors'][number], keys: Newcomer) {
  const owner = ownerOn(contract.chainId)
  const at = { address: contract.address, abi: oracleFeedAbi } as const
  const name = `${id}, ${contract.address} on chain ${contract.chainId}`
  const [, block] = await owner.readContract({ ...at, functionName: 'latestConfigDetails' })
  const [event] = await owner.getContractEvents({
    ...at,
    eventName: 'ConfigSet',
    fromBlock: BigInt(block),
    toBlock: BigInt(block),
    strict: true,
  })
  if (event === undefined) return end(`${name}: has no configuration yet`)
  const now = event.args
  const offchain = decodeOffchainConfig(now.offchainConfigVersion, now.offchainConfig)
  const taken = takenBy(now, offchain.oracles, keys)
  if (taken === 4) return process.stdout.write(`${name}: has that validator already\n`)
  if (taken > 0) return end(`${name}: a validator has ${taken} of these keys already, and not the others`)

  const signers = [...now.signers, keys.signer]
  const oracles = [...offchain.oracles, { peerKey: keys.peer, consensusKey: keys.consensus }]
  const hash = await owner.writeContract({
    ...at,
    functionName: 'setConfig',
    args: [
      signers,
      [...now.transmitters, keys.transmitter],
      Math.floor((signers.length - 1) / 3),
      now.onchainConfig,
      now.offchainConfigVersion,
      encodeOffchainConfig({
        ...offchain,
        oracles,
        // What the validators alone know, drawn anew: who left must not know it any more.
        secret: sealSecret(
          oracles.map((oracle) => oracle.consensusKey),
          randomBytes,
        ),
      }),
    ],
  })
  await owner.waitForTransactionReceipt({ hash })
  // The newcomer pays for its transmissions.
  const funds = await owner.sendTransaction({ to: keys.transmitter, value: parseEther('1') })
  await owner.waitForTransactionReceipt({ hash: funds })
  const [count, , digest] = await owner.readContract({ ...at, functionName: 'latestConfigDetails' })
  process.stdout.write(
    `${name}: configuration ${count} with ${signers.length} validators, digest ${digest}\n`,
  )
}

/** How many of the newcomer's keys the contract has, in whatever role. */
function takenBy(
  now: { readonly signers: readonly string[]; readonly transmitters: readonly string[] },
  oracles: readonly { readonly peerKey: string; readonly consensusKey: string }[],
  keys: Newcomer,
): number {
  const known = new Set(
    [
      ...now.signers,
      ...now.transmitters,
      ...oracles.flatMap(({ peerKey, consensusKey }) => [peerKey, consensusKey]),
    ].map((key) => key.toLowerCase()),
  )
  return Object.values(keys).filter((key) => known.has(key.toLowerCase())).length
}

/** A devnet's contracts belong to the first account of Anvil's public mnemonic. */
function ownerOn(chainId: number) {
  const chain = devnet.chains.find((each) => each.id === chainId)
  if (chain === undefined) return end(`the devnet has no chain ${chainId}`)
  return createWalletClient({
    account: mnemonicToAccount('test test test test test test test test test test test junk'),
    chain: {
      id: chain.id,
      name: chain.name,
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [chain.rpc] } },
    },
    transport: http(),
  }).extend(publicActions)
}
