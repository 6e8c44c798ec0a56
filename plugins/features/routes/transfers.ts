import { z } from 'zod'
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
import { findToken, findTransfer } from '../find.ts'
import { listTransfers } from '../list.ts'
import { lower } from '../read-event.ts'
import { asProblem, MOST, numberSchema, tokenParams, transferSchema, transferView } from './schemas.ts'

const transferParams = z.object({
  chainId: numberSchema(MOST),
  transaction: bytes32Schema,
  logIndex: numberSchema(2 ** 31 - 1),
})

const blockSchema = unsignedSchema.max(18)

const listQuery = z.object({
  from: addressSchema.optional().meta({ description: 'Sender' }),
  to: addressSchema.optional().meta({ description: 'Receiver' }),
  fromBlock: blockSchema.optional().meta({ description: 'First block' }),
  toBlock: blockSchema.optional().meta({ description: 'Last block' }),
  minScore: z
    .string()
    .regex(/^[0-9]{1,15}(\.[0-9]{1,18})?$/, 'must be a decimal number')
    .optional()
    .meta({ description: 'Scored ones alone, from this score on' }),
  limit: limitSchema,
  cursor: cursorSchema.optional(),
})
const positionSchema = z.tuple([
  blockSchema,
  z
    .int()
    .min(0)
    .max(2 ** 31 - 1),
])

interface Modules {
  readonly store: Store
  readonly index: IndexReader
  readonly retentionDays: number
}

/** One transfer by its log, and the transfers of a token. */
export function addTransferRoutes(routes: Routes, { store, index, retentionDays }: Modules): void {
  routes.add({
    method: 'get',
    path: '/v1/features/transfers/{chainId}/{transaction}/{logIndex}',
    summary: 'Features of one transfer, as of its own moment',
    params: transferParams,
    response: itemSchema(transferSchema),
    handler: ({ params }) =>
      asProblem(async () => {
        const { chainId, transaction, logIndex } = params
        const meta = freshnessToMeta(await index.freshness())
        const place = { chainId, transactionHash: lower(transaction), logIndex, retentionDays }
        return { data: transferView(await findTransfer(store, place)), meta }
      }),
  })

  routes.add({
    method: 'get',
    path: '/v1/features/tokens/{chainId}/{token}/transfers',
    summary: 'Transfers of a token with their features, newest first',
    description: 'Those alone whose features are computed, and that are not older than what is kept.',
    params: tokenParams,
    query: listQuery,
    response: listSchema(transferSchema),
    handler: ({ params, query }) =>
      asProblem(async () => {
        const { from, to, fromBlock, toBlock, minScore, limit, cursor } = query
        const before = cursor === undefined ? null : decodeCursor(positionSchema, cursor)
        const meta = freshnessToMeta(await index.freshness())
        const token = await findToken(store, params.chainId, lower(params.token))
        // One more than asked for tells whether there is a next page.
        const found = await listTransfers(store, {
          ...{ token, retentionDays, limit: limit + 1 },
          from: from === undefined ? null : lower(from),
          to: to === undefined ? null : lower(to),
          fromBlock: fromBlock === undefined ? null : BigInt(fromBlock),
          toBlock: toBlock === undefined ? null : BigInt(toBlock),
          minScore: minScore === undefined ? null : Number(minScore),
          before: before === null ? null : { block: BigInt(before[0]), logIndex: before[1] },
        })
        const page = found.slice(0, limit)
        const last = page.at(-1)
        return {
          data: page.map(transferView),
          meta,
          nextCursor:
            found.length > page.length && last !== undefined
              ? encodeCursor([last.blockNumber.toString(), last.logIndex])
              : null,
        }
      }),
  })
}
