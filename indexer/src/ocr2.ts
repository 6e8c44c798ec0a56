import { ponder } from 'ponder:registry'
import { event as events, feedRound } from 'ponder:schema'
import { indexConfigSet } from './config-set.ts'
import { isFollowed } from './followed.ts'
import { placeOf } from './place.ts'
import { eventRow } from './reducers/event.ts'
import { transmissionRow } from './reducers/feed.ts'

ponder.on('ocr2:NewTransmission', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('ocr2', place)) return
  await db.insert(events).values(eventRow(place, 'ocr2.NewTransmission', event.args))
  await db.insert(feedRound).values(transmissionRow(place, event.args, event.transaction))
})

ponder.on('ocr2:ConfigSet', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (isFollowed('ocr2', place)) await indexConfigSet(db, place, event.args)
})
