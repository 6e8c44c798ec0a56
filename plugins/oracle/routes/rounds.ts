import { z } from 'zod'
import type { ChainReader } from '../../../node/ports/chain.ts'
import { ProblemError, type Routes } from '../../../node/ports/http.ts'
import {
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
import { roundEvidence } from '../evidence.ts'
import { findRound, listRounds } from '../rounds.ts'
import type { ServedFeed } from '../served-feed.ts'
import { findFeed } from './find-feed.ts'
import { evidenceSchema, feedParams, roundSchema, roundView } from './schemas.ts'

const listQuery = z.object({ limit: limitSchema, cursor: cursorSchema.optional() })
const roundParams = feedParams.extend({ round: unsignedSchema.meta({ description: 'Round id' }) })

/** `GET /v1/feeds/{id}/rounds` and `GET /v1/feeds/{id}/rounds/{round}`. */
export function addRoundRoutes(
  routes: Routes,
  modules: { feeds: readonly ServedFeed[]; index: IndexReader; chain: ChainReader },
): void {
  const { feeds, index, chain } = modules

  routes.add({
    method: 'get',
    path: '/v1/feeds/{id}/rounds',
    summary: 'Accepted rounds of a feed, newest first',
    params: feedParams,
    query: listQuery,
    response: listSchema(roundSchema),
    handler: async ({ params, query }) => {
      const { config } = findFeed(feeds, params.id)
      const before =
        query.cursor === undefined ? undefined : BigInt(decodeCursor(unsignedSchema, query.cursor))
      const meta = freshnessToMeta(await index.freshness())
      // One more than asked for tells whether there is a next page.
      const rounds = await listRounds(index, config, { limit: query.limit + 1, before })
      const page = rounds.slice(0, query.limit)
      const last = page.at(-1)
      return {
        data: page.map((round) => roundView(round, config.decimals)),
        meta,
        nextCursor:
          rounds.length > page.length && last !== undefined ? encodeCursor(last.roundId.toString()) : null,
      }
    },
  })

  routes.add({
    method: 'get',
    path: '/v1/feeds/{id}/rounds/{round}',
    summary: 'The evidence of one round: pinned inputs, every observation, who signed, the transaction',
    params: roundParams,
    response: itemSchema(evidenceSchema),
    handler: async ({ params }) => {
      const feed = findFeed(feeds, params.id)
      const meta = freshnessToMeta(await index.freshness())
      const round = await findRound(index, feed.config, BigInt(params.round))
      if (round === null)
        throw new ProblemError({
          status: 404,
          code: 'ORACLE_UNKNOWN_ROUND',
          title: 'Unknown round',
          detail: `Feed "${params.id}" has no round ${params.round} in the index; meta of a list says how far the index is.`,
        })
      return { data: await roundEvidence(feed, round, chain), meta }
    },
  })
}
