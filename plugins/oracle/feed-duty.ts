import type { ChainReader, Hex } from '../../node/ports/chain.ts'
import type { ChainTrust } from '../../node/ports/chain-trust.ts'
import type { Clock } from '../../node/ports/clock.ts'
import type { IndexReader } from '../../node/ports/index-reader.ts'
import type { ContractRef, Duty, PureDutyContext } from '../../node/ports/quorum.ts'
import { checkChains, checkPins } from './check-pins.ts'
import { choosePins } from './choose-pins.ts'
import { queryCodec } from './codecs.ts'
import type { FeedConfig } from './config.ts'
import { decodeRules, type FeedRules } from './contract-config.ts'
import { OracleError } from './errors.ts'
import { contractDecimals } from './feed-contract.ts'
import type { ContractTerms, FeedObservation, FeedOutcome, FeedQuery, FeedValue, Pin } from './feed-types.ts'
import type { ContractKind } from './kinds/contract-kind.ts'
import { feedOutcome } from './outcome.ts'
import type { RangeWatch } from './range-watch.ts'
import { remember } from './remember.ts'
import { feedReports } from './report.ts'
import { newestReport } from './rounds.ts'
import type { FeedSource } from './sources/source.ts'

export interface FeedDutyModules<V extends FeedValue> {
  readonly chain: ChainReader
  readonly index: IndexReader
  readonly trust: ChainTrust
  readonly clock: Clock
  readonly source: FeedSource<V>
  /** Rejects unless this node may speak for the model that the contract names. */
  readonly checkModel: (modelDigest: Hex, agreement: FeedRules['agreement']) => Promise<void>
  readonly watch: RangeWatch
}

/** The duty of one feed: pin blocks, observe at them, agree on one answer, report when it is due. */
export function feedDuty<V extends FeedValue>(
  feed: FeedConfig,
  kind: ContractKind<V>,
  modules: FeedDutyModules<V>,
): Duty<FeedQuery, FeedObservation<V>, FeedOutcome<V>> {
  const { values } = kind
  const home = { chainId: feed.contract.chainId, address: feed.contract.address }
  const mirrors = feed.mirrors.map(({ chainId, address }) => ({ chainId, address }))
  const chainIds = [...new Set([home.chainId, ...feed.source.pools.map((pool) => pool.chainId)])].sort(
    (a, b) => a - b,
  )
  const rulesOf = remember((bytes: Uint8Array) => {
    const rules = decodeRules(bytes)
    if (rules.agreement !== 'median' && kind.name !== 'vector')
      throw new OracleError(
        'ORACLE_BAD_RULE',
        `the configuration of feed "${feed.id}" asks for the ${rules.agreement}, which is for vectors: set it to the median`,
        { feed: feed.id },
      )
    return rules
  })
  const termsOf = remember((bytes: Uint8Array) => kind.decodeOnchainConfig(bytes))

  const homePin = (query: FeedQuery): Pin => {
    const pin = query.pins.find((candidate) => candidate.chainId === home.chainId)
    if (pin === undefined) throw new OracleError('ORACLE_BAD_PIN', `no pin of chain ${home.chainId}`)
    return pin
  }

  function checkObservation(terms: ContractTerms, { value, onchain }: FeedObservation<V>): void {
    values.check(value, terms)
    if (onchain !== null) values.check(onchain.answer, terms)
  }

  const checked = new Set<string>()
  /** A node that computes with other decimals than the contract has would speak of another number. */
  async function checkDecimals(contract: ContractRef): Promise<void> {
    const place = `${contract.chainId}/${contract.address}`
    if (checked.has(place)) return
    const decimals = await contractDecimals(modules.chain, contract)
    if (decimals !== feed.decimals)
      throw new OracleError(
        'ORACLE_WRONG_DECIMALS',
        `the contract ${contract.address} of feed "${feed.id}" on chain ${contract.chainId} has ${decimals} decimals, this node's configuration ${feed.decimals}: correct it`,
        { feed: feed.id, decimals },
      )
    checked.add(place)
  }

  return {
    id: `oracle/${feed.id}`,
    contract: home,
    destinations: mirrors,
    codecs: { query: queryCodec, observation: values.observation, outcome: values.outcome },

    async query(ctx, previous) {
      const { maxPinAgeSeconds } = rulesOf(ctx.pluginConfig)
      return choosePins({ chainIds, maxAgeSeconds: maxPinAgeSeconds }, previous, modules)
    },

    async observe(ctx, query, previous) {
      const terms = termsOf(ctx.onchainConfig)
      const { modelDigest, limits } = terms
      const { maxPinAgeSeconds, agreement } = rulesOf(ctx.pluginConfig)
      modules.watch.seen(ctx.configDigest, limits)
      await modules.checkModel(modelDigest, agreement)
      await checkDecimals(home)
      const options = { chainIds, maxAgeSeconds: maxPinAgeSeconds, signal: ctx.signal }
      await checkPins(options, query, previous, modules)
      const [value, onchain] = await Promise.all([
        modules.source.observe(query, modelDigest),
        newestReport(modules.index, feed, values, homePin(query).number),
      ])
      const observation = { value, onchain }
      checkObservation(terms, observation)
      return observation
    },

    // Whether a pin may go back is for `observe` to say: it takes a look at the chain.
    validate(ctx, query, _previous, observation) {
      checkChains(chainIds, query)
      checkObservation(termsOf(ctx.onchainConfig), observation)
    },

    outcome: (ctx, query, previous, observations) =>
      feedOutcome(
        values,
        {
          feedId: feed.id,
          homeChainId: home.chainId,
          f: ctx.f,
          rules: rulesOf(ctx.pluginConfig),
          ...termsOf(ctx.onchainConfig),
        },
        query,
        previous,
        observations,
      ),

    reports: (_ctx: PureDutyContext, outcome) => feedReports(kind, [home, ...mirrors], outcome),

    async shouldTransmit(_ctx, report) {
      await checkDecimals(report.contract)
      const latest = await kind.latestTimestamp(modules.chain, report.contract)
      return latest === null || latest < kind.decodeReport(report.payload).observationsTimestamp
    },

    async onOutcome(record) {
      modules.watch.committed(record)
    },
  }
}
