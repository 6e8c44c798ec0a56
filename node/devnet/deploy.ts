import {
  type Abi,
  type Account,
  createWalletClient,
  decodeEventLog,
  getAddress,
  http,
  parseEther,
  parseGwei,
  publicActions,
} from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { constantProductPoolAbi } from '../../contracts/abi/ConstantProductPool.ts'
import { inferenceOracleAbi } from '../../contracts/abi/InferenceOracle.ts'
import { modelRegistryAbi } from '../../contracts/abi/ModelRegistry.ts'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import { testTokenAbi } from '../../contracts/abi/TestToken.ts'
import { type ContractName, readArtifact } from '../../scripts/artifacts.ts'
import type { Address, Hex } from '../ports/chain.ts'
import type { ConfigFields } from '../ports/quorum.ts'
import type { AnvilChain } from './anvil.ts'

/** Anvil's public test mnemonic: it owns the contracts of a devnet, and nothing anywhere else. */
const DEVNET_MNEMONIC = 'test test test test test test test test test test test junk'

export interface Deployed {
  readonly address: Address
  readonly block: number
}

/** What a transaction needs; one per chain, so that nonces stay in one place. */
export type Deployer = ReturnType<typeof deployer>

export function deployer(chain: AnvilChain) {
  const account: Account = mnemonicToAccount(DEVNET_MNEMONIC)
  const client = createWalletClient({
    account,
    chain: {
      id: chain.id,
      name: chain.name,
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [chain.url] } },
    },
    transport: http(chain.url),
    pollingInterval: 20,
  }).extend(publicActions)

  async function write(address: Address, abi: Abi, functionName: string, args: readonly unknown[]) {
    const { request } = await client.simulateContract({ address, abi, functionName, args, account })
    return client.waitForTransactionReceipt({ hash: await client.writeContract(request) })
  }

  return {
    client,
    write,
    async deploy(name: ContractName, args: readonly unknown[]): Promise<Deployed> {
      const { abi, bytecode } = await readArtifact(name)
      const hash = await client.deployContract({ abi, bytecode, args })
      const receipt = await client.waitForTransactionReceipt({ hash })
      if (receipt.contractAddress == null) throw new TypeError(`${name} was not created`)
      return { address: getAddress(receipt.contractAddress), block: Number(receipt.blockNumber) }
    },
    async fund(address: Address) {
      await chain.rpc('anvil_setBalance', [address, `0x${parseEther('10000').toString(16)}`])
    },
  }
}

/** One pair of test tokens and its pool, with liquidity. */
export interface DeployedMarket {
  readonly iyi: Deployed
  readonly usd: Deployed
  readonly pool: Deployed
  readonly trader: Deployed
  readonly base: 'token0' | 'token1'
}

export const IYI_DECIMALS = 18
export const USD_DECIMALS = 6

/** Deploys tokens, pool and trader, and adds liquidity at `price` (USD per IYI, integer cents). */
export async function deployMarket(
  on: Deployer,
  options: { iyiLiquidity: bigint; priceCents: bigint },
): Promise<DeployedMarket> {
  const iyi = await on.deploy('TestToken', ['IYI', 'IYI', IYI_DECIMALS])
  const usd = await on.deploy('TestToken', ['Test USD', 'tUSD', USD_DECIMALS])
  const pool = await on.deploy('ConstantProductPool', [iyi.address, usd.address])
  const trader = await on.deploy('PoolTrader', [])
  const iyiAmount = options.iyiLiquidity * 10n ** BigInt(IYI_DECIMALS)
  const usdAmount = (options.iyiLiquidity * options.priceCents * 10n ** BigInt(USD_DECIMALS)) / 100n
  await on.write(iyi.address, testTokenAbi, 'mint', [pool.address, iyiAmount])
  await on.write(usd.address, testTokenAbi, 'mint', [pool.address, usdAmount])
  await on.write(pool.address, constantProductPoolAbi, 'mint', [on.client.account.address])
  const token0 = await on.client.readContract({
    address: pool.address,
    abi: constantProductPoolAbi,
    functionName: 'token0',
  })
  return { iyi, usd, pool, trader, base: token0 === iyi.address ? 'token0' : 'token1' }
}

/** Registers a model's manifest digest; returns its id in the registry. */
export async function registerModel(
  on: Deployer,
  registry: Address,
  model: { name: string; digest: Hex; uri: string },
): Promise<bigint> {
  const receipt = await on.write(registry, modelRegistryAbi, 'register', [
    model.name,
    model.digest,
    model.uri,
  ])
  for (const log of receipt.logs) {
    const event = decodeEventLog({ abi: modelRegistryAbi, data: log.data, topics: log.topics })
    if (event.eventName === 'ModelRegistered') return event.args.modelId
  }
  throw new TypeError('the registry did not say under which id the model stands')
}

/** `setConfig` of a feed. */
export type FeedSettings = Omit<ConfigFields, 'contract' | 'configCount'>

export async function configureFeed(on: Deployer, feed: Address, settings: FeedSettings): Promise<void> {
  const { signers, transmitters, f, onchainConfig, offchainConfigVersion, offchainConfig } = settings
  await on.write(feed, oracleFeedAbi, 'setConfig', [
    signers,
    transmitters,
    f,
    onchainConfig,
    offchainConfigVersion,
    offchainConfig,
  ])
}

/** What an inference oracle of the devnet costs and how it deals with disputes; amounts are wei. */
const INFERENCE_RULES = {
  maxGasPrice: parseGwei('100'),
  disputeWindow: 30,
  verdictTimeout: 600,
  bond: parseEther('0.01'),
  reportGas: 120_000,
  committeeSize: 3,
}
const MODEL_PRICE = { base: parseEther('0.0001'), perWord: parseEther('0.00001'), answerGas: 250_000 }

/** Deploys the contract that others ask, and sets the price of each model that they may ask. */
export async function deployInferenceOracle(
  on: Deployer,
  options: { registry: Address; modelIds: readonly bigint[] },
): Promise<Deployed> {
  const owner = on.client.account.address
  const deployed = await on.deploy('InferenceOracle', [owner, options.registry, INFERENCE_RULES])
  for (const modelId of options.modelIds)
    await on.write(deployed.address, inferenceOracleAbi, 'setModelPrice', [modelId, MODEL_PRICE])
  return deployed
}
