import { type Context, ponder } from 'ponder:registry'
import { event as events, inferenceAnswer, inferenceDispute, inferenceRequest } from 'ponder:schema'
import type { Row } from '../../node/ports/index-tables.ts'
import { indexConfigSet } from './config-set.ts'
import { isFollowed } from './followed.ts'
import { placeOf } from './place.ts'
import { eventRow, lower, type Place } from './reducers/event.ts'
import { answerRow, disputeRow, requestRow, requestRowId, verdictOf } from './reducers/inference.ts'

type Db = Context['db']

ponder.on('inference:InferenceRequested', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  await db.insert(events).values(eventRow(place, 'inference.InferenceRequested', event.args))
  await db.insert(inferenceRequest).values(requestRow(place, event.args))
})

ponder.on('inference:InferenceAnswered', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  await db.insert(events).values(eventRow(place, 'inference.InferenceAnswered', event.args))
  await db.insert(inferenceAnswer).values(answerRow(place, event.args))
  const isFinal = event.args.finalAt <= place.timestamp
  await changeRequest(db, place, event.args.requestId, {
    status: isFinal ? 'final' : 'answered',
    endedBlock: place.blockNumber,
  })
})

ponder.on('inference:InferencePaid', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  const { requestId, gasUsed, gasFee } = event.args
  await db.insert(events).values(eventRow(place, 'inference.InferencePaid', event.args))
  const id = requestRowId(place, requestId)
  if ((await db.find(inferenceAnswer, { id })) !== null)
    await db.update(inferenceAnswer, { id }).set({ gasUsed, gasFee })
})

ponder.on('inference:CallbackMade', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  const { requestId, success } = event.args
  await db.insert(events).values(eventRow(place, 'inference.CallbackMade', event.args))
  const id = requestRowId(place, requestId)
  if ((await db.find(inferenceAnswer, { id })) !== null)
    await db.update(inferenceAnswer, { id }).set({ callback: success ? 'succeeded' : 'failed' })
  await changeRequest(db, place, requestId, { delivered: true })
})

ponder.on('inference:InferenceDelivered', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  const { requestId, gasUsed, gasFee } = event.args
  await db.insert(events).values(eventRow(place, 'inference.InferenceDelivered', event.args))
  const id = requestRowId(place, requestId)
  const before = await db.find(inferenceAnswer, { id })
  if (before !== null)
    await db
      .update(inferenceAnswer, { id })
      .set({ gasUsed: before.gasUsed + gasUsed, gasFee: before.gasFee + gasFee })
})

ponder.on('inference:AnswerSkipped', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (isFollowed('inference', place))
    await db.insert(events).values(eventRow(place, 'inference.AnswerSkipped', event.args))
})

ponder.on('inference:InferenceRefunded', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  await db.insert(events).values(eventRow(place, 'inference.InferenceRefunded', event.args))
  await changeRequest(db, place, event.args.requestId, { status: 'refunded', endedBlock: place.blockNumber })
})

ponder.on('inference:InferenceFinalized', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  await db.insert(events).values(eventRow(place, 'inference.InferenceFinalized', event.args))
  await changeRequest(db, place, event.args.requestId, { status: 'final' })
})

ponder.on('inference:InferenceChallenged', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  await db.insert(events).values(eventRow(place, 'inference.InferenceChallenged', event.args))
  await db.insert(inferenceDispute).values(disputeRow(place, event.args))
  await changeRequest(db, place, event.args.requestId, { status: 'disputed' })
})

ponder.on('inference:CommitteeDrawn', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  const { requestId, seed } = event.args
  await db.insert(events).values(eventRow(place, 'inference.CommitteeDrawn', event.args))
  await changeDispute(db, place, requestId, { seed: lower(seed) })
})

ponder.on('inference:CommitteeReanchored', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  const { requestId, anchorBlock } = event.args
  await db.insert(events).values(eventRow(place, 'inference.CommitteeReanchored', event.args))
  await changeDispute(db, place, requestId, { anchorBlock })
})

ponder.on('inference:DisputeResolved', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  const { requestId, upheld } = event.args
  await db.insert(events).values(eventRow(place, 'inference.DisputeResolved', event.args))
  await changeDispute(db, place, requestId, verdictOf(place, event.args))
  await changeRequest(db, place, requestId, { status: upheld ? 'upheld' : 'overturned' })
})

ponder.on('inference:DisputeUnresolved', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('inference', place)) return
  const { requestId } = event.args
  await db.insert(events).values(eventRow(place, 'inference.DisputeUnresolved', event.args))
  await changeDispute(db, place, requestId, { status: 'unresolved', endedBlock: place.blockNumber })
  await changeRequest(db, place, requestId, { status: 'unresolved' })
})

ponder.on('inference:ConfigSet', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (isFollowed('inference', place)) await indexConfigSet(db, place, event.args)
})

// An oracle may be followed from a later block than its deployment; what ends then may have no row to change.

async function changeRequest(
  db: Db,
  place: Place,
  requestId: bigint,
  change: Partial<Row<'inferenceRequest'>>,
): Promise<void> {
  const id = requestRowId(place, requestId)
  if ((await db.find(inferenceRequest, { id })) !== null)
    await db.update(inferenceRequest, { id }).set(change)
}

async function changeDispute(
  db: Db,
  place: Place,
  requestId: bigint,
  change: Partial<Row<'inferenceDispute'>>,
): Promise<void> {
  const id = requestRowId(place, requestId)
  if ((await db.find(inferenceDispute, { id })) !== null)
    await db.update(inferenceDispute, { id }).set(change)
}
