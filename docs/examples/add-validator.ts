// What the owner of a feed does to take in a validator, on the devnet:
//   npm run example -- add-validator <peer> <consensus> <signer> <transmitter> [feed] [devnet.json]
// The four identities are those that `iyi keys list` prints. Everything else of the configuration stays as it is.
import { randomBytes } from 'node:crypto'
import { type Address, createWalletClient, type Hex, http, parseEther, publicActions } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import { decodeOffchainConfig, encodeOffchainConfig } from '../../node/quorum/offchain-config.ts'
import { sealSecret } from '../../node/quorum/shared-secret.ts'
import { end, openDevnet } from './devnet/open-devnet.ts'

const [peerKey, consensusKey, signer, transmitter, id = 'iyi-usd-price', path = '.iyi/devnet/devnet.json'] =
  process.argv.slice(2)
if (transmitter === undefined)
  end('give peer, consensus, signer and transmitter, as `iyi keys list` prints them')
const { feed, chain } = await openDevnet(path, id)

// A devnet's contracts belong to the first account of Anvil's public mnemonic.
const owner = createWalletClient({
  account: mnemonicToAccount('test test test test test test test test test test test junk'),
  chain: {
    id: chain.id,
    name: chain.name,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [chain.rpc] } },
  },
  transport: http(),
}).extend(publicActions)
const contract = { address: feed.address, abi: oracleFeedAbi } as const

const [, block] = await owner.readContract({ ...contract, functionName: 'latestConfigDetails' })
const [event] = await owner.getContractEvents({
  ...contract,
  eventName: 'ConfigSet',
  fromBlock: BigInt(block),
  toBlock: BigInt(block),
  strict: true,
})
if (event === undefined) end(`${id} has no configuration yet`)
const now = event.args
const offchain = decodeOffchainConfig(now.offchainConfigVersion, now.offchainConfig)
if (now.signers.some((known) => known.toLowerCase() === signer?.toLowerCase()))
  end(`${id} has that signer already`)
const signers = [...now.signers, signer as Address]
const oracles = [...offchain.oracles, { peerKey: peerKey as Hex, consensusKey: consensusKey as Hex }]
const hash = await owner.writeContract({
  ...contract,
  functionName: 'setConfig',
  args: [
    signers,
    [...now.transmitters, transmitter as Address],
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
const funds = await owner.sendTransaction({ to: transmitter as Address, value: parseEther('1') })
await owner.waitForTransactionReceipt({ hash: funds })
const [count, , digest] = await owner.readContract({ ...contract, functionName: 'latestConfigDetails' })
process.stdout.write(`${id}: configuration ${count} with ${signers.length} validators, digest ${digest}\n`)
