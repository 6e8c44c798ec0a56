import { ponder } from 'ponder:registry'
import { event as events, feedRound, validatorConfig } from 'ponder:schema'
import { placeOf } from './place.ts'
import { eventRow } from './reducers/event.ts'
import { feedRoundRow, validatorConfigRow } from './reducers/feed.ts'

ponder.on('feed:ReportTransmitted', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  await db.insert(events).values(eventRow(place, 'feed.ReportTransmitted', event.args))
  await db.insert(feedRound).values(feedRoundRow(place, event.args, true))
})

ponder.on('feed:AnswerOutOfRange', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  await db.insert(events).values(eventRow(place, 'feed.AnswerOutOfRange', event.args))
  await db.insert(feedRound).values(feedRoundRow(place, event.args, false))
})

// The configuration of the oracle set is the quorum verifier's, which a feed inherits.
ponder.on('feed:ConfigSet', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  await db.insert(events).values(eventRow(place, 'quorum.ConfigSet', event.args))
  await db.insert(validatorConfig).values(validatorConfigRow(place, event.args))
})
