import { randomBytes } from 'node:crypto'
import { zeroHash } from 'viem'
import { encodeOnchainConfig, encodeRules } from '../../plugins/oracle/contract-config.ts'
import oracle from '../../plugins/oracle/index.ts'
import { encodeRequestRules } from '../../plugins/oracle/requests/request-rules.ts'
import { encodeVectorOnchainConfig } from '../../plugins/oracle/vector-config.ts'
import type { ManifestModel } from '../inference/manifest.ts'
import { mergeContracts } from '../kernel/parse-configs.ts'
import type { IndexedContract } from '../kernel/plugin.ts'
import type { Address, Hex } from '../ports/chain.ts'
import {
  encodeOffchainConfig,
  OFFCHAIN_CONFIG_VERSION,
  type TimingParameters,
} from '../quorum/offchain-config.ts'
import { sealSecret } from '../quorum/shared-secret.ts'
import type { AnvilChain } from './anvil.ts'
import {
  configureFeed,
  type Deployed,
  type DeployedMarket,
  type Deployer,
  deployer,
  deployInferenceOracle,
  deployMarket,
  IYI_DECIMALS,
  registerModel,
  USD_DECIMALS,
} from './deploy.ts'
import type { DevnetDescription } from './description.ts'
import { DevnetError } from './errors.ts'
import { type DevnetFeed, devnetFeeds, devnetInference } from './feeds.ts'
import type { Venue } from './market/simulator.ts'
import type { ValidatorHome } from './validators.ts'

/** Start of the market: 2.50 USD. */
const PRICE_CENTS = 250n
/** IYI in the pool of each chain: the first is deeper. */
const LIQUIDITY = [4_000_000n, 2_500_000n]

/** What was deployed, and what the rest of the devnet makes of it. */
export interface DeployedNetwork {
  readonly f: number
  readonly contracts: Record<string, Record<string, Address>>
  readonly feeds: DevnetDescription['feeds']
  readonly venues: readonly Omit<Venue, 'account'>[]
  /** Configuration of the oracle plugin, equal for all validators. */
  readonly oracleConfig: object
  readonly indexedChains: readonly { id: number; name: string; rpc: string[]; pollingIntervalMs: number }[]
  readonly indexedContracts: readonly IndexedContract[]
}

/** Deploys the markets on every chain, registry and feeds on the first, and configures the feeds for the validators. */
export async function deployNetwork(options: {
  chains: readonly AnvilChain[]
  validators: readonly ValidatorHome[]
  manifest: readonly ManifestModel[]
}): Promise<DeployedNetwork> {
  const { chains, validators } = options
  const f = Math.floor((validators.length - 1) / 3)
  const deployers = chains.map(deployer)
  const [home] = deployers
  const [homeChain] = chains
  if (home === undefined || homeChain === undefined)
    throw new DevnetError('DEVNET_BAD_OPTION', 'a devnet needs a chain to put its feeds on')

  const markets = await Promise.all(
    deployers.map((on, at) =>
      deployMarket(on, { iyiLiquidity: LIQUIDITY[at] ?? 1_000_000n, priceCents: PRICE_CENTS }),
    ),
  )
  const registry = await home.deploy('ModelRegistry', [])
  const askable: bigint[] = []
  for (const model of options.manifest) {
    const modelId = await registerModel(home, registry.address, {
      name: model.id,
      digest: model.digest,
      uri: `models/${model.id}/${model.version}`,
    })
    if (model.request !== undefined) askable.push(modelId)
  }
  const asked = await deployInferenceOracle(home, { registry: registry.address, modelIds: askable })
  await configureFeed(
    home,
    asked.address,
    quorumSettings(
      { validators, f },
      {
        timing: devnetInference.timing,
        onchainConfig: '0x',
        pluginConfig: encodeRequestRules(devnetInference.rules),
      },
    ),
  )
  const feeds: { feed: DevnetFeed; deployed: Deployed; mirror: Address | null }[] = []
  const [, abroad] = deployers
  for (const feed of devnetFeeds) {
    const deployed = await deployFeed(home, feed)
    const settings = settingsOf(feed, { validators, f, manifest: options.manifest })
    await configureFeed(home, deployed.address, settings)
    let mirror: Address | null = null
    if (feed.mirrored && abroad !== undefined) {
      mirror = (await deployFeed(abroad, feed)).address
      await configureFeed(abroad, mirror, settings)
    }
    feeds.push({ feed, deployed, mirror })
  }
  for (const { transmitter } of validators) for (const on of deployers) await on.fund(transmitter)

  const pools = markets.map((market, at) => poolConfig(market, chains[at]?.id ?? 0))
  const mirrorsOf = (mirror: Address | null) =>
    mirror === null ? [] : [{ chainId: chains[1]?.id ?? 0, address: mirror }]
  const oracleConfig = {
    feeds: feeds.map(({ feed, deployed, mirror }) => ({
      id: feed.id,
      description: feed.description,
      decimals: feed.decimals,
      contract: {
        chainId: homeChain.id,
        address: deployed.address,
        startBlock: deployed.block,
        kind: feed.labels === null ? 'feed' : 'vector',
      },
      mirrors: mirrorsOf(mirror),
      source:
        feed.model === null ? { kind: 'pool-price', pools } : { kind: 'model', model: feed.model, pools },
    })),
    inference: [
      {
        id: devnetInference.id,
        description: devnetInference.description,
        contract: { chainId: homeChain.id, address: asked.address, startBlock: asked.block },
      },
    ],
    registry: { chainId: homeChain.id, address: registry.address, startBlock: registry.block },
  }
  return {
    f,
    contracts: Object.fromEntries(
      chains.map((chain, at) => [
        String(chain.id),
        {
          ...marketAddresses(markets[at]),
          ...(at === 0
            ? {
                ModelRegistry: registry.address,
                InferenceOracle: asked.address,
                ...Object.fromEntries(
                  feeds.map(({ feed, deployed }) => [feed.contractName, deployed.address]),
                ),
              }
            : {}),
          ...(at === 1
            ? Object.fromEntries(
                feeds.flatMap(({ feed, mirror }) => (mirror === null ? [] : [[feed.contractName, mirror]])),
              )
            : {}),
        },
      ]),
    ),
    feeds: feeds.map(({ feed, deployed, mirror }) => ({
      id: feed.id,
      chainId: homeChain.id,
      address: deployed.address,
      decimals: feed.decimals,
      labels: feed.labels?.map(String) ?? null,
      mirrors: mirrorsOf(mirror),
    })),
    venues: markets.map((market, at) => venueOf(market, chains[at])),
    oracleConfig,
    indexedChains: chains.map(({ id, name, url }) => ({ id, name, rpc: [url], pollingIntervalMs: 250 })),
    indexedContracts: mergeContracts([oracle.contracts?.(oracle.config.parse(oracleConfig)) ?? []]),
  }
}

/** The contract that a feed of its shape needs. */
function deployFeed(on: Deployer, { decimals, description, labels }: DevnetFeed): Promise<Deployed> {
  const owner = on.client.account.address
  return labels === null
    ? on.deploy('OracleFeed', [owner, decimals, description])
    : on.deploy('OracleVectorFeed', [owner, decimals, labels.length, description])
}

function settingsOf(
  feed: DevnetFeed,
  network: { validators: readonly ValidatorHome[]; f: number; manifest: readonly ManifestModel[] },
) {
  const model = network.manifest.find(({ id }) => id === feed.model)
  const modelDigest: Hex = feed.model === null ? zeroHash : (model?.digest ?? zeroHash)
  const { labels } = feed
  const onchain = { ...feed.onchain, modelDigest }
  return quorumSettings(network, {
    timing: feed.timing,
    onchainConfig:
      labels === null ? encodeOnchainConfig(onchain) : encodeVectorOnchainConfig({ ...onchain, labels }),
    pluginConfig: encodeRules({
      ...feed.rules,
      toleranceAbsolute: feed.rules.toleranceAbsolute ?? BigInt(model?.tolerance.absolute ?? 0),
      tolerancePpm: feed.rules.tolerancePpm ?? model?.tolerance.relativePpm ?? 0,
      agreement: model?.agreement?.rule === 'medoid' ? 'medoid' : 'median',
    }),
  })
}

/** `setConfig` of a contract that all validators serve. */
function quorumSettings(
  { validators, f }: { validators: readonly ValidatorHome[]; f: number },
  own: { timing: TimingParameters; onchainConfig: Hex; pluginConfig: Hex },
) {
  return {
    signers: validators.map(({ signer }) => signer),
    transmitters: validators.map(({ transmitter }) => transmitter),
    f,
    onchainConfig: own.onchainConfig,
    offchainConfigVersion: OFFCHAIN_CONFIG_VERSION,
    offchainConfig: encodeOffchainConfig({
      timing: own.timing,
      oracles: validators.map(({ peerKey, consensusKey }) => ({ peerKey, consensusKey })),
      secret: sealSecret(
        validators.map(({ consensusKey }) => consensusKey),
        randomBytes,
      ),
      pluginConfig: own.pluginConfig,
    }),
  }
}

function poolConfig(market: DeployedMarket, chainId: number) {
  return {
    chainId,
    address: market.pool.address,
    startBlock: market.pool.block,
    base: market.base,
    baseDecimals: IYI_DECIMALS,
    quoteDecimals: USD_DECIMALS,
  }
}

function marketAddresses(market: DeployedMarket | undefined): Record<string, Address> {
  if (market === undefined) return {}
  return {
    IyiToken: market.iyi.address,
    UsdToken: market.usd.address,
    Pool: market.pool.address,
    PoolTrader: market.trader.address,
  }
}

function venueOf(market: DeployedMarket, chain: AnvilChain | undefined): Omit<Venue, 'account'> {
  if (chain === undefined) throw new DevnetError('DEVNET_BAD_OPTION', 'a market without a chain')
  // USD per IYI in base units, 18 decimals; the other way round where IYI is token1.
  const usdPerIyi = (PRICE_CENTS * 10n ** BigInt(18 + USD_DECIMALS - IYI_DECIMALS)) / 100n
  return {
    chain,
    pool: market.pool.address,
    trader: market.trader.address,
    base: market.base,
    startPrice: market.base === 'token0' ? usdPerIyi : 10n ** 36n / usdPerIyi,
  }
}
