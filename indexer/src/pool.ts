import { type Context, ponder } from 'ponder:registry'
import { event as events, poolBar, poolSwap, poolSync, pool as pools } from 'ponder:schema'
import { constantProductPoolAbi as abi } from '../../contracts/abi/ConstantProductPool.ts'
import { isFollowed } from './followed.ts'
import { placeOf } from './place.ts'
import { eventRow, lower, type Place } from './reducers/event.ts'
import {
  afterSwap,
  afterSync,
  barAfterSwap,
  barId,
  newPool,
  poolSwapRow,
  poolSyncRow,
} from './reducers/pool.ts'

type Handler = Context<'pool:Sync' | 'pool:Swap'>

ponder.on('pool:Sync', async ({ event, context: { db, client, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('pool', place)) return
  const pool = await poolOf(place, db, client)
  await db.insert(events).values(eventRow(place, 'pool.Sync', event.args))
  await db.insert(poolSync).values(poolSyncRow(place, event.args))
  const after = afterSync(pool, place, event.args)
  await db.insert(pools).values(after).onConflictDoUpdate(after)
})

ponder.on('pool:Swap', async ({ event, context: { db, client, chain } }) => {
  const place = placeOf(event, chain)
  if (!isFollowed('pool', place)) return
  const pool = await poolOf(place, db, client)
  await db.insert(events).values(eventRow(place, 'pool.Swap', event.args))
  await db.insert(poolSwap).values(poolSwapRow(place, event.args))
  const after = afterSwap(pool, place)
  await db.insert(pools).values(after).onConflictDoUpdate(after)
  const bar = barAfterSwap(await db.find(poolBar, { id: barId(place) }), pool, place, event.args)
  if (bar !== null) await db.insert(poolBar).values(bar).onConflictDoUpdate(bar)
})

async function poolOf(place: Place, db: Handler['db'], client: Handler['client']) {
  const address = lower(place.address)
  const known = await db.find(pools, { chainId: place.chainId, address })
  if (known !== null) return known
  // Immutable: asked at the head, so a provider without old state can answer.
  const read = (functionName: 'token0' | 'token1') =>
    client.readContract({ abi, address, functionName, cache: 'immutable' })
  const [token0, token1] = await Promise.all([read('token0'), read('token1')])
  return newPool(place, { token0, token1 })
}
