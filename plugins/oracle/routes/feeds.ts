import { z } from 'zod'
import type { Clock } from '../../../node/ports/clock.ts'
import type { Routes } from '../../../node/ports/http.ts'
import {
  cursorSchema,
  decodeCursor,
  encodeCursor,
  freshnessToMeta,
  itemSchema,
  limitSchema,
  listSchema,
} from '../../../node/ports/http-schemas.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import { OracleError } from '../errors.ts'
import { labelsOf, latestRound } from '../rounds.ts'
import type { ServedFeed } from '../served-feed.ts'
import { findFeed } from './find-feed.ts'
import { feedParams, feedSchema, roundView, withheldView } from './schemas.ts'

const listQuery = z.object({ limit: limitSchema, cursor: cursorSchema.optional() })

/** `GET /v1/feeds` and `GET /v1/feeds/{id}`. */
export function addFeedRoutes(
  routes: Routes,
  modules: { feeds: readonly ServedFeed[]; index: IndexReader; clock: Clock },
): void {
  const { feeds, index, clock } = modules

  async function view({ config, duty, withheld }: ServedFeed): Promise<z.infer<typeof feedSchema>> {
    const [round, labels] = await Promise.all([
      latestRound(index, config),
      config.contract.kind === 'vector' ? labelsOf(index, config).catch(unreadable) : null,
    ])
    const status = duty.status()
    return {
      id: config.id,
      description: config.description,
      decimals: config.decimals,
      kind: config.source.kind,
      model: config.source.kind === 'model' ? config.source.model : null,
      contract: {
        chainId: config.contract.chainId,
        address: config.contract.address,
        kind: config.contract.kind,
      },
      mirrors: config.mirrors.map((mirror) => ({ ...mirror })),
      labels: labels?.map(String) ?? null,
      latest: round === null ? null : roundView(round, config.decimals),
      ageSeconds:
        round === null ? null : Math.max(0, Math.floor(clock.now() / 1000) - Number(round.timestamp)),
      withheld: withheldView(withheld()),
      duty: {
        state: status.state,
        reason: status.reason ?? null,
        configDigest: status.configDigest,
        validators: status.n,
        f: status.f,
        epoch: status.epoch,
        leader: status.leader,
        seqNr: status.seqNr.toString(),
      },
    }
  }

  routes.add({
    method: 'get',
    path: '/v1/feeds',
    summary: 'The feeds of this node with their newest rounds',
    query: listQuery,
    response: listSchema(feedSchema),
    handler: async ({ query }) => {
      const from = query.cursor === undefined ? 0 : decodeCursor(z.int().nonnegative(), query.cursor)
      const page = feeds.slice(from, from + query.limit)
      const next = from + page.length
      const meta = freshnessToMeta(await index.freshness())
      return {
        data: await Promise.all(page.map(view)),
        meta,
        nextCursor: next < feeds.length ? encodeCursor(next) : null,
      }
    },
  })

  routes.add({
    method: 'get',
    path: '/v1/feeds/{id}',
    summary: 'One feed with its newest round',
    params: feedParams,
    response: itemSchema(feedSchema),
    handler: async ({ params }) => {
      const feed = findFeed(feeds, params.id)
      const meta = freshnessToMeta(await index.freshness())
      return { data: await view(feed), meta }
    },
  })
}

/** The contract of this feed is no vector feed: the duty says so, and the other feeds are shown. */
function unreadable(error: unknown): null {
  if (error instanceof OracleError) return null
  throw error
}
