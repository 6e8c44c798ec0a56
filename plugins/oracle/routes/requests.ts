import { z } from 'zod'
import type { ChainReader, Hex } from '../../../node/ports/chain.ts'
import { ProblemError, type Routes } from '../../../node/ports/http.ts'
import {
  addressSchema,
  cursorSchema,
  decodeCursor,
  encodeCursor,
  freshnessToMeta,
  itemSchema,
  limitSchema,
  listSchema,
  unsignedSchema,
} from '../../../node/ports/http-schemas.ts'
import type { Condition, IndexReader } from '../../../node/ports/index-reader.ts'
import { requestEvidence } from '../requests/request-evidence.ts'
import { requestEvidenceSchema, requestSchema, requestView } from '../requests/request-views.ts'
import type { ServedOracle } from '../requests/served-oracle.ts'

const listQuery = z.object({
  oracle: z
    .string()
    .max(63)
    .optional()
    .meta({ description: 'Only of this oracle; the first one when absent' }),
  status: requestSchema.shape.status.optional().meta({ description: 'Only those that stand so' }),
  requester: addressSchema.optional().meta({ description: 'Only those of this contract or account' }),
  limit: limitSchema,
  cursor: cursorSchema.optional(),
})
const placeSchema = z.tuple([unsignedSchema, z.int().nonnegative()])

/** `GET /v1/requests` and `GET /v1/requests/{id}`. */
export function addRequestRoutes(
  routes: Routes,
  modules: { oracles: readonly ServedOracle[]; index: IndexReader; chain: ChainReader },
): void {
  const { oracles, index, chain } = modules

  routes.add({
    method: 'get',
    path: '/v1/requests',
    summary: 'What contracts asked models, newest first',
    query: listQuery,
    response: listSchema(requestSchema),
    handler: async ({ query }) => {
      const meta = freshnessToMeta(await index.freshness())
      const served =
        query.oracle === undefined ? oracles[0] : oracles.find(({ config }) => config.id === query.oracle)
      if (served === undefined) {
        if (query.oracle === undefined) return { data: [], meta, nextCursor: null }
        throw unknown(
          'ORACLE_UNKNOWN_ORACLE',
          'Unknown oracle',
          `No inference oracle "${query.oracle}" here. There are: ${oracles.map(({ config }) => config.id).join(', ') || 'none'}.`,
        )
      }
      const { contract } = served.config
      const where: Condition<'inferenceRequest'>[] = [
        { column: 'chainId', op: '=', value: contract.chainId },
        { column: 'oracle', op: '=', value: contract.address.toLowerCase() as Hex },
      ]
      if (query.status !== undefined) where.push({ column: 'status', op: '=', value: query.status })
      if (query.requester !== undefined)
        where.push({ column: 'requester', op: '=', value: query.requester.toLowerCase() as Hex })
      const [block, log] = query.cursor === undefined ? [null, 0] : decodeCursor(placeSchema, query.cursor)
      if (block !== null) where.push({ column: 'blockNumber', op: '<=', value: BigInt(block) })
      // Some of the page's last block were shown before.
      const rows = await index.select({
        table: 'inferenceRequest',
        where,
        orderBy: [
          { column: 'blockNumber', direction: 'desc' },
          { column: 'logIndex', direction: 'desc' },
        ],
        limit: query.limit + 1 + (block === null ? 0 : MAX_A_BLOCK),
      })
      const unseen = rows.filter(
        (row) => block === null || row.blockNumber < BigInt(block) || row.logIndex < log,
      )
      const page = unseen.slice(0, query.limit)
      const last = page.at(-1)
      return {
        data: page.map((row) => requestView(row, served.config.id)),
        meta,
        nextCursor:
          unseen.length > page.length && last !== undefined
            ? encodeCursor([last.blockNumber.toString(), last.logIndex])
            : null,
      }
    },
  })

  routes.add({
    method: 'get',
    path: '/v1/requests/{id}',
    summary:
      'One request with the evidence of its answer: every validator’s raw output, distance, provider and signature',
    params: z.object({ id: unsignedSchema.meta({ description: '`requestId` of the contract' }) }),
    response: itemSchema(requestEvidenceSchema),
    handler: async ({ params }) => {
      const meta = freshnessToMeta(await index.freshness())
      for (const served of oracles) {
        const { chainId, address } = served.config.contract
        const [row] = await index.select({
          table: 'inferenceRequest',
          where: [
            { column: 'chainId', op: '=', value: chainId },
            { column: 'oracle', op: '=', value: address.toLowerCase() as Hex },
            { column: 'requestId', op: '=', value: BigInt(params.id) },
          ],
          limit: 1,
        })
        if (row !== undefined) return { data: await requestEvidence(served, row, { index, chain }), meta }
      }
      throw unknown(
        'ORACLE_UNKNOWN_REQUEST',
        'Unknown request',
        `No oracle of this node has a request ${params.id} in the index; meta of a list says how far the index is.`,
      )
    },
  })
}

/** Requests of one block that a page may have to pass over. */
const MAX_A_BLOCK = 1_000

const unknown = (code: string, title: string, detail: string) =>
  new ProblemError({ status: 404, code, title, detail })
