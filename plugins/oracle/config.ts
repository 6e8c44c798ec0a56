import { getAddress } from 'viem'
import { z } from 'zod'

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'must be a 20-byte address in hex')
  .transform((value) => getAddress(value))

const contract = z.strictObject({
  chainId: z.int().positive().describe('EIP-155 id of a chain of this node'),
  address: address.describe('Address of the contract'),
  startBlock: z.int().nonnegative().default(0).describe('First block to index: that of its deployment'),
})

const pool = contract.extend({
  base: z.enum(['token0', 'token1']).describe('Which token is priced; the other one is the quote'),
  baseDecimals: z.int().min(0).max(36).describe('Decimals of the base token'),
  quoteDecimals: z.int().min(0).max(36).describe('Decimals of the quote token'),
})

const pools = z
  .array(pool)
  .min(1)
  .max(16)
  .describe('Constant-product pools (Uniswap V2 events) to read; the same at every validator of the feed')

const maxChainLagSeconds = z
  .int()
  .positive()
  .default(600)
  .describe(
    'Pools of a chain whose pinned block is older than the newest pin by more than this are left out, so that a chain which stands still does not go on pricing',
  )

const source = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('pool-price').describe('Liquidity-weighted spot price over the pools'),
    pools,
    maxChainLagSeconds,
    maxDivergencePpm: z
      .int()
      .positive()
      .default(100_000)
      .describe(
        'Pools whose price is farther than this from the price at which half of the liquidity stands are left out, in millionths',
      ),
  }),
  z.strictObject({
    kind: z.literal('model').describe('Output of an ONNX model fed with the log returns of the pools'),
    model: z.string().min(1).describe("Id of a model in the node's manifest"),
    pools,
    maxChainLagSeconds,
    minTradedBars: z
      .int()
      .min(1)
      .default(10)
      .describe(
        'Bars with trades that the window must hold over all pools; below, a still market is no information and there is no observation',
      ),
  }),
])

const feedContract = contract.extend({
  kind: z
    .enum(['feed', 'vector', 'ocr2'])
    .default('feed')
    .describe(
      'What stands there: `feed` is our OracleFeed, `vector` our OracleVectorFeed, whose answers have several elements, `ocr2` an OCR2 aggregator that somebody else deployed, with its limits of the answer and its numeric report',
    ),
})

const feed = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes')
    .describe('Name of the feed; the same at every validator, as it is part of the evidence'),
  description: z.string().max(200).default('').describe('One line for readers of the API'),
  decimals: z.int().min(0).max(18).describe('Decimals of the answer; those of the contract'),
  contract: feedContract.describe('The contract that names the validators and takes the reports'),
  mirrors: z
    .array(contract.omit({ startBlock: true }))
    .max(15)
    .default([])
    .describe(
      'Further contracts of the same kind, on this chain or others, that get every report: configured with the same validators in the same order, which need funds there too',
    ),
  source,
})

const inference = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes')
    .describe('Name of the oracle; the same at every validator, as it is part of the evidence'),
  description: z.string().max(200).default('').describe('One line for readers of the API'),
  contract: contract.describe('The InferenceOracle that contracts ask, and that names the validators'),
})

const inputs = z
  .strictObject({
    accept: z
      .boolean()
      .default(true)
      .describe('Takes inputs at `POST /v1/inputs` for requests that name theirs by hash'),
    keepMinutes: z
      .int()
      .min(1)
      .max(1_440)
      .default(10)
      .describe(
        'How long an input is kept that no request names, and one that was named beyond its deadline. Room for them: `content.maxMb`',
      ),
    keepAnsweredHours: z
      .int()
      .min(0)
      .max(720)
      .default(24)
      .describe(
        'How long an input is kept that this node answered. Choose more than the dispute windows of the oracles and their rulings take: whoever is drawn runs the model on it again',
      ),
    perMinute: z
      .int()
      .min(1)
      .max(6_000)
      .default(60)
      .describe('Inputs a minute that one address may send, so many at once after a silence'),
  })
  .prefault({})
  .describe('Inputs that are delivered to the node, and from there to the other validators')

/** Configuration of the oracle plugin: which feeds this validator serves and from what. */
export const oracleConfig = z
  .strictObject({
    feeds: z.array(feed).default([]),
    inference: z
      .array(inference)
      .max(32)
      .default([])
      .describe('Oracles that contracts ask for answers of models'),
    inputs,
    registry: contract
      .optional()
      .describe('ModelRegistry: a model that is not active in it is not run for a feed'),
  })
  .superRefine((config, ctx) => {
    const fault = (path: (string | number)[], message: string) =>
      ctx.addIssue({ code: 'custom', path, message })
    const ids = new Set<string>()
    const contracts = new Set<string>()
    config.inference.forEach((entry, index) => {
      if (ids.has(entry.id)) fault(['inference', index, 'id'], `id "${entry.id}" is used twice`)
      ids.add(entry.id)
      if (contracts.has(placeOf(entry.contract)))
        fault(['inference', index, 'contract'], 'this contract is named twice')
      contracts.add(placeOf(entry.contract))
    })
    config.feeds.forEach((entry, index) => {
      if (ids.has(entry.id)) fault(['feeds', index, 'id'], `feed id "${entry.id}" is used twice`)
      ids.add(entry.id)
      // Two duties of one contract would number their rounds alike, and a signer signs a number once.
      const targets = [entry.contract, ...entry.mirrors]
      targets.forEach((target, at) => {
        const path = at === 0 ? ['feeds', index, 'contract'] : ['feeds', index, 'mirrors', at - 1]
        if (contracts.has(placeOf(target))) fault(path, 'this contract already gets reports of a feed')
        contracts.add(placeOf(target))
      })
      if (entry.contract.kind === 'ocr2' && entry.source.kind === 'model')
        fault(
          ['feeds', index, 'contract', 'kind'],
          'an OCR2 aggregator names no model, so nothing would bind this feed to one: report to an OracleFeed',
        )
      if (entry.contract.kind === 'vector' && entry.source.kind !== 'model')
        fault(
          ['feeds', index, 'source', 'kind'],
          'the answers of a vector feed come from a model: name one, or report to an OracleFeed',
        )
      const seen = new Set<string>()
      entry.source.pools.forEach((candidate, at) => {
        if (seen.has(placeOf(candidate)))
          fault(['feeds', index, 'source', 'pools', at], 'this pool is named twice: it would count twice')
        seen.add(placeOf(candidate))
      })
    })
  })

const placeOf = (entry: { chainId: number; address: string }) => `${entry.chainId}:${entry.address}`

export type OracleConfig = z.output<typeof oracleConfig>
export type InputsConfig = OracleConfig['inputs']
export type InferenceConfig = OracleConfig['inference'][number]
export type FeedConfig = OracleConfig['feeds'][number]
export type PoolConfig = FeedConfig['source']['pools'][number]
