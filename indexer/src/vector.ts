import { ponder } from 'ponder:registry'
import { event as events, feedVectorRound } from 'ponder:schema'
import { indexConfigSet } from './config-set.ts'
import { isFollowed } from './followed.ts'
import { placeOf } from './place.ts'
import { eventRow } from './reducers/event.ts'
import { feedVectorRoundRow } from './reducers/feed.ts'

ponder.on('vector:VectorTransmitted', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('vector', place)) return
  await db.insert(events).values(eventRow(place, 'vector.VectorTransmitted', event.args))
  await db.insert(feedVectorRound).values(feedVectorRoundRow(place, event.args, true))
})

ponder.on('vector:VectorOutOfRange', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('vector', place)) return
  await db.insert(events).values(eventRow(place, 'vector.VectorOutOfRange', event.args))
  await db.insert(feedVectorRound).values(feedVectorRoundRow(place, event.args, false))
})

ponder.on('vector:ConfigSet', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (isFollowed('vector', place)) await indexConfigSet(db, place, event.args)
})
