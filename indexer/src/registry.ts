import { ponder } from 'ponder:registry'
import { event as events, model, modelVersion } from 'ponder:schema'
import { isFollowed } from './followed.ts'
import { placeOf } from './place.ts'
import { eventRow, lower } from './reducers/event.ts'
import { modelRow, modelRowId, modelVersionRow, modelVersionRowId } from './reducers/registry.ts'

ponder.on('registry:ModelRegistered', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('registry', place)) return
  await db.insert(events).values(eventRow(place, 'registry.ModelRegistered', event.args))
  await db.insert(model).values(modelRow(place, event.args))
})

ponder.on('registry:ModelVersionAdded', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('registry', place)) return
  await db.insert(events).values(eventRow(place, 'registry.ModelVersionAdded', event.args))
  await db.insert(modelVersion).values(modelVersionRow(place, event.args))
})

// A registry may be followed from a later block than its deployment; what it changes may then have no row to change.

ponder.on('registry:ModelVersionActiveSet', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('registry', place)) return
  const { modelId, version, active } = event.args
  await db.insert(events).values(eventRow(place, 'registry.ModelVersionActiveSet', event.args))
  const id = modelVersionRowId(place, modelId, version)
  if ((await db.find(modelVersion, { id })) !== null) await db.update(modelVersion, { id }).set({ active })
})

ponder.on('registry:ModelOwnershipTransferStarted', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('registry', place)) return
  await db.insert(events).values(eventRow(place, 'registry.ModelOwnershipTransferStarted', event.args))
})

ponder.on('registry:ModelOwnershipTransferred', async ({ event, context: { db, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('registry', place)) return
  const { modelId, newOwner } = event.args
  await db.insert(events).values(eventRow(place, 'registry.ModelOwnershipTransferred', event.args))
  const id = modelRowId(place, modelId)
  if ((await db.find(model, { id })) !== null) await db.update(model, { id }).set({ owner: lower(newOwner) })
})
