import { z } from 'zod'
import type { Address } from '../ports/chain.ts'
import { isLoopback } from '../ports/loopback.ts'
import { partyOf, type RpcEndpoint, urlOf } from '../ports/rpc-endpoint.ts'
import { chainPresets, pollingOf, presetNames } from './presets.ts'

/** Where neither the operator nor a preset says otherwise. */
const CONFIRMATIONS = 12

const httpUrl = z.url({ protocol: /^https?$/, error: 'expected a URL that starts with http:// or https://' })

const endpoint = z.union(
  [
    httpUrl,
    z.strictObject({
      url: httpUrl.describe('JSON-RPC over HTTP.'),
      weight: z
        .number()
        .positive()
        .max(1_000)
        .optional()
        .describe(
          'Its share of the requests that any one of the providers may answer, among those that are well; 1 when absent. Where no entry has a weight, the first that is well takes all. What is read again for agreement is asked of `agreement` providers, best first.',
        ),
      ws: z
        .url({ protocol: /^wss?$/, error: 'expected a URL that starts with ws:// or wss://' })
        .optional()
        .describe(
          'WebSocket address: tells of new blocks at once. Polling goes on, less often, and takes over when it fails.',
        ),
      requestsPerSecond: z
        .number()
        .positive()
        .max(100_000)
        .optional()
        .describe(
          'Most requests a second that the node itself sends to it. The managed indexer has a limit of its own, so leave it a part.',
        ),
      indexerRequestsPerSecond: z
        .int()
        .min(20)
        .max(2_000)
        .optional()
        .describe(
          'Requests a second with which the managed indexer begins here; it finds the rest by itself, and goes down where it is refused. 20 when absent, as is polite towards others, and 320 on loopback. A node of your own elsewhere can take more.',
        ),
    }),
  ],
  {
    error:
      'expected a URL that starts with http:// or https://, or such a `url` with weight, ws, requestsPerSecond, indexerRequestsPerSecond',
  },
)

const told = z.strictObject({
  preset: z
    .enum(presetNames)
    .optional()
    .meta({ examples: ['ethereum'] })
    .describe(
      'A known chain: gives id, name, confirmations, finality, pollingIntervalMs and multicall. Each can be set all the same.',
    ),
  id: z
    .int()
    .positive()
    .optional()
    .meta({ examples: [1] })
    .describe('EIP-155 chain id. Required without a preset.'),
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected 1 to 32 lower-case letters, digits and dashes, a letter first')
    .optional()
    .meta({ examples: ['ethereum'] })
    .describe('Short name for logs, metrics and the API. Required without a preset.'),
  rpc: z
    .array(endpoint)
    .min(1, 'expected at least one URL')
    .describe(
      'JSON-RPC endpoints, best first: the next one serves while an earlier one fails. A URL, or `{ url, weight, ws, requestsPerSecond, indexerRequestsPerSecond }`: `weight`, its share of what any one of them may answer; `ws`, its WebSocket, which tells of new blocks at once; `requestsPerSecond`, the most that the node itself asks of it; `indexerRequestsPerSecond`, 20 to 2,000, with which the managed indexer begins. Keys inside these URLs are masked wherever the node shows them.',
    ),
  confirmations: z
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .meta({ examples: [CONFIRMATIONS] })
    .describe(
      `The node acts on blocks that have at least this many blocks on top of them. ${CONFIRMATIONS} without a preset. The same at every validator of a feed.`,
    ),
  finality: z
    .union(
      [
        z.enum(['finalized', 'safe']),
        z.strictObject({ depth: z.int().min(1).max(100_000).describe('Blocks below the head.') }),
      ],
      { error: 'expected `finalized`, `safe` or `{ depth: 64 }`' },
    )
    .optional()
    .meta({ examples: ['finalized'] })
    .describe(
      'When the chain itself calls a block final: at its tag `finalized` or `safe`, or so many blocks below the head, as `{ depth: 64 }`. `finalized` without a preset; where the chain has no such tag, its confirmations.',
    ),
  agreement: z
    .int()
    .min(1)
    .max(32)
    .optional()
    .meta({ examples: [2] })
    .describe(
      'How many independent providers must say the same before anything is signed because of this chain; failover never lowers it. Providers on one host count once, except on loopback. By default 2, and 1 where there is one provider or all are on loopback.',
    ),
  pollingIntervalMs: z
    .int()
    .min(100)
    .max(600_000)
    .optional()
    .meta({ examples: [4_000] })
    .describe('How often to ask for new blocks, in milliseconds. About half the block time is sensible.'),
  multicall: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address')
    .transform((text) => text as Address)
    .optional()
    .meta({ examples: ['0xcA11bde05977b3631167028862bE2a173976CA11'] })
    .describe('Address of Multicall3, for plugins that read much at once.'),
})

type Told = z.output<typeof told>

/** One chain with everything in effect: what was told, else the preset's, else the default. */
export const chainSchema = told
  .refine((chain) => chain.id !== undefined || chain.preset !== undefined, {
    path: ['id'],
    error: 'is missing',
    params: { remedy: 'set the chain id, or name a preset' },
    // Told together with the faults of single keys.
    when: ({ value }) => isObject(value),
  })
  .refine((chain) => chain.name !== undefined || chain.preset !== undefined, {
    path: ['name'],
    error: 'is missing',
    params: { remedy: 'give the chain a short name, or name a preset' },
    when: ({ value }) => isObject(value),
  })
  .refine(
    (chain) =>
      chain.id === undefined || chain.preset === undefined || chain.id === chainPresets[chain.preset].id,
    {
      path: ['id'],
      error: 'is not the chain id of the preset',
      params: { remedy: 'remove the id, or the preset' },
    },
  )
  .refine((chain) => chain.agreement === undefined || chain.agreement <= parties(chain.rpc), {
    path: ['agreement'],
    error: 'there are fewer independent providers than must agree: those on one host count once',
    params: { remedy: 'list providers on more hosts in rpc, or lower agreement' },
  })
  .transform(resolve)

function resolve(chain: Told) {
  const preset = chain.preset === undefined ? null : chainPresets[chain.preset]
  const { multicall = preset?.multicall, ...rest } = chain
  const pollingIntervalMs = chain.pollingIntervalMs ?? (preset === null ? undefined : pollingOf(preset))
  return {
    ...rest,
    // The refinements above hold by now.
    id: chain.id ?? preset?.id ?? 0,
    name: chain.name ?? chain.preset ?? '',
    confirmations: chain.confirmations ?? preset?.confirmations ?? CONFIRMATIONS,
    finality: chain.finality ?? preset?.finality ?? 'finalized',
    agreement: chain.agreement ?? defaultAgreement(chain.rpc),
    ...(pollingIntervalMs === undefined ? {} : { pollingIntervalMs }),
    ...(multicall === undefined ? {} : { multicall }),
  }
}

function parties(rpc: readonly RpcEndpoint[]): number {
  return new Set(rpc.map(partyOf)).size
}

function defaultAgreement(rpc: readonly RpcEndpoint[]): number {
  if (rpc.every((entry) => isLoopback(new URL(urlOf(entry)).hostname))) return 1
  return Math.min(2, parties(rpc))
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
