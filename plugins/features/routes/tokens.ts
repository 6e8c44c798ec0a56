import { z } from 'zod'
import { FEATURES_VERSION } from '../../../node/features/transfer-features.ts'
import type { Routes } from '../../../node/ports/http.ts'
import {
  addressSchema,
  bytes32Schema,
  cursorSchema,
  decodeCursor,
  encodeCursor,
  freshnessToMeta,
  itemSchema,
  limitSchema,
  listSchema,
  unsignedSchema,
} from '../../../node/ports/http-schemas.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Store } from '../../../node/ports/store.ts'
import { type AsOfModules, featuresAsOf, type Moment } from '../as-of.ts'
import { FeatureStoreError } from '../errors.ts'
import { type FollowedToken, findToken, listTokens } from '../find.ts'
import { lower } from '../read-event.ts'
import { asProblem, featuresSchema, featuresView, MOST, numberSchema, tokenParams } from './schemas.ts'

const tokenSchema = z.object({
  chainId: z.int(),
  token: addressSchema,
  since: z.int().meta({ description: 'Unix seconds of the first transfer that was followed' }),
  newest: z.int().meta({ description: 'Unix seconds of the newest one' }),
})

const asOfSchema = z.object({
  chainId: z.int(),
  token: addressSchema,
  from: addressSchema,
  to: addressSchema,
  value: unsignedSchema,
  timestamp: z.int().meta({ description: 'Unix seconds at which the transfer was judged' }),
  block: z.object({ number: unsignedSchema, hash: bytes32Schema }).nullable().meta({
    description:
      'The block that was asked for, or the newest one; where a time was asked for, that of the newest transfer that counts, and null where there is none',
  }),
  historySeconds: z.int().meta({
    description:
      'So far back the history goes, 604800 at most; less where the token was followed for less, as right after its deployment',
  }),
  features: featuresSchema,
})

/** Of the ids of tokens, which are integers of PostgreSQL. */
const MOST_ID = 2 ** 31 - 1

const asOfQuery = z.object({
  to: addressSchema.meta({ description: 'Receiver of the transfer that is judged' }),
  value: unsignedSchema
    // Also asked of what is no integer: each fault is told by its own rule.
    .refine((text) => !/^[0-9]+$/.test(text) || BigInt(text) < 1n << 256n, 'must be a uint256')
    .meta({ description: 'Its base units' }),
  block: unsignedSchema.max(18).optional().meta({ description: 'Right after this block, at its time' }),
  time: numberSchema(MOST).optional().meta({ description: 'At this time, in Unix seconds' }),
})

interface Modules {
  readonly store: Store
  readonly index: IndexReader
  readonly chain: AsOfModules['chain']
  readonly reached: (token: FollowedToken) => Promise<bigint | null>
  readonly retentionDays: number
}

/** The tokens that are followed, and what a model would be told of a transfer that was not made. */
export function addTokenRoutes(routes: Routes, modules: Modules): void {
  const { store, index, retentionDays } = modules

  routes.add({
    method: 'get',
    path: '/v1/features/tokens',
    summary: 'Tokens whose transfers this node keeps features of',
    query: z.object({ limit: limitSchema, cursor: cursorSchema.optional() }),
    response: listSchema(tokenSchema),
    handler: async ({ query: { limit, cursor } }) => {
      const after = cursor === undefined ? 0 : decodeCursor(z.int().min(0).max(MOST_ID), cursor)
      const meta = freshnessToMeta(await index.freshness())
      const found = await listTokens(store, { after, limit: limit + 1 })
      const page = found.slice(0, limit)
      return {
        data: page.map(({ chainId, address, since, newest }) => ({ chainId, token: address, since, newest })),
        meta,
        nextCursor: found.length > page.length ? encodeCursor(page.at(-1)?.id ?? 0) : null,
      }
    },
  })

  routes.add({
    method: 'get',
    path: '/v1/features/tokens/{chainId}/{token}/addresses/{address}',
    summary: 'What a model would have been told of a transfer by an address, as of a block or a time',
    description:
      'The transfer is not on the chain: it would send `value` from the address to `to`. As of a block it comes right after it, at its time: every transfer of the token up to and including the block counts. As of a time it is made at that time: every transfer counts whose block is of that time or before. Without either it comes after the newest block that was followed. Nothing that happened later counts.',
    params: tokenParams.extend({ address: addressSchema }),
    query: asOfQuery,
    response: itemSchema(asOfSchema),
    handler: ({ params, query }) =>
      asProblem(async () => {
        const meta = freshnessToMeta(await index.freshness())
        const token = await findToken(store, params.chainId, lower(params.token))
        const [from, to, value] = [lower(params.address), lower(query.to), BigInt(query.value)]
        const request = { token, from, to, value, moment: momentOf(query), retentionDays }
        const { features, timestamp, block, historySeconds } = await featuresAsOf(request, modules)
        return {
          data: {
            ...{ chainId: token.chainId, token: token.address, from, to, value: query.value, timestamp },
            block: block === null ? null : { number: block.number.toString(), hash: block.hash },
            historySeconds,
            features: featuresView(features, FEATURES_VERSION),
          },
          meta,
        }
      }),
  })
}

function momentOf({ block, time }: z.output<typeof asOfQuery>): Moment {
  if (block !== undefined && time !== undefined)
    throw new FeatureStoreError(
      'FEATURES_BAD_MOMENT',
      'Both a block and a time were given. Give one of the two.',
    )
  if (block !== undefined) return { block: BigInt(block) }
  return time === undefined ? null : { time }
}
