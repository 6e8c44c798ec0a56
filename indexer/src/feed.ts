import { ponder } from 'ponder:registry'
import { event as events, feedRound } from 'ponder:schema'
import { indexConfigSet } from './config-set.ts'
import { isFollowed } from './followed.ts'
import { placeOf } from './place.ts'
import { eventRow } from './reducers/event.ts'
import { feedRoundRow } from './reducers/feed.ts'

ponder.on('feed:ReportTransmitted', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('feed', place)) return
  await db.insert(events).values(eventRow(place, 'feed.ReportTransmitted', event.args))
  await db.insert(feedRound).values(feedRoundRow(place, event.args, true))
})

ponder.on('feed:AnswerOutOfRange', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('feed', place)) return
  await db.insert(events).values(eventRow(place, 'feed.AnswerOutOfRange', event.args))
  await db.insert(feedRound).values(feedRoundRow(place, event.args, false))
})

ponder.on('feed:ConfigSet', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (isFollowed('feed', place)) await indexConfigSet(db, place, event.args)
})
