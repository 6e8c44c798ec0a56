import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { type AbiInput, customFaults } from '../node/ports/custom-tables.ts'

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'is not a 20-byte 0x address')
  .transform((text) => text.toLowerCase() as `0x${string}`)

const url = z.url({ protocol: /^(https?|wss?)$/ })

const chain = z.strictObject({
  /** EIP-155 chain id. */
  id: z.int().positive(),
  /** Unique; becomes Ponder's chain name. */
  name: z
    .string()
    .regex(
      /^[A-Za-z][A-Za-z0-9-]{0,31}$/,
      'must be 1 to 32 letters, digits or dashes and begin with a letter',
    ),
  /** Providers of the chain; several share the load. With a rate: requests a second to begin with. */
  rpc: z.array(z.union([url, z.strictObject({ url, requestsPerSecond: z.int().min(20).max(2_000) })])).min(1),
  /** How often to look for a new block; Ponder takes no less than 100. */
  pollingIntervalMs: z.int().min(100).max(600_000).optional(),
})

const contract = z.strictObject({
  /** Selects the handlers. */
  kind: z.enum(['pool', 'feed', 'vector', 'ocr2', 'registry', 'inference']),
  chainId: z.int().positive(),
  address,
  /** First block to index. */
  startBlock: z.int().nonnegative(),
})

const input: z.ZodType<AbiInput> = z.lazy(() =>
  z.object({
    name: z.string().optional(),
    type: z.string(),
    indexed: z.boolean().optional(),
    components: z.array(input).optional(),
  }),
)
const event = z.object({
  type: z.literal('event'),
  name: z.string().regex(/^[A-Za-z_$][A-Za-z0-9_$]*$/),
  inputs: z.array(input),
  anonymous: z.boolean().optional(),
})

/** A contract that an operator follows, with no code of ours for it. */
const custom = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,23}$/),
  chainId: z.int().positive(),
  source: z.union([
    z.strictObject({ addresses: z.array(address).min(1) }),
    z.strictObject({ factory: z.strictObject({ address, event, parameter: z.string() }) }),
  ]),
  startBlock: z.int().nonnegative(),
  events: z.array(event),
  /** Its events become rows of `event` too. */
  eventLog: z.boolean().optional(),
})

/** What to index: the one source of chains and contracts. */
export const indexerConfigSchema = z
  .strictObject({
    chains: z.array(chain).min(1),
    contracts: z.array(contract),
    custom: z.array(custom).default([]),
  })
  .superRefine(({ chains, contracts, custom }, ctx) => {
    const report = (path: (string | number)[], message: string) =>
      ctx.addIssue({ code: 'custom', path, message })
    chains.forEach(({ id, name }, at) => {
      if (chains.findIndex((other) => other.id === id) < at)
        report(['chains', at, 'id'], `${id} is listed twice`)
      if (chains.findIndex((other) => other.name === name) < at)
        report(['chains', at, 'name'], `"${name}" is listed twice`)
    })
    for (const fault of customFaults(custom)) report(['custom'], fault)
    custom.forEach(({ chainId }, at) => {
      if (!chains.some(({ id }) => id === chainId))
        report(['custom', at, 'chainId'], `${chainId} is not one of chains`)
    })
    contracts.forEach(({ kind, chainId, address }, at) => {
      if (!chains.some(({ id }) => id === chainId))
        report(
          ['contracts', at, 'chainId'],
          `${chainId} is not one of chains; add the chain or remove the contract`,
        )
      const first = contracts.findIndex(
        (other) => other.kind === kind && other.chainId === chainId && other.address === address,
      )
      if (first < at) report(['contracts', at, 'address'], `${address} is listed twice on chain ${chainId}`)
    })
  })

export type IndexerConfig = z.output<typeof indexerConfigSchema>

/**
 * Reads the indexer's configuration.
 *
 * @param path of the JSON file, as in `IYI_INDEXER_CONFIG`
 * @throws Error that lists every fault; Ponder shows its text and exits with 1
 */
export function readIndexerConfig(path: string | undefined): IndexerConfig {
  if (path === undefined || path === '')
    throw new Error('IYI_INDEXER_CONFIG is not set. Set it to the path of the indexer configuration (JSON).')
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`Cannot read the indexer configuration at ${path}. Give a readable JSON file.`, {
      cause: error,
    })
  }
  const parsed = indexerConfigSchema.safeParse(json)
  if (!parsed.success)
    throw new Error(`Invalid indexer configuration at ${path}:\n${z.prettifyError(parsed.error)}`)
  return parsed.data
}
