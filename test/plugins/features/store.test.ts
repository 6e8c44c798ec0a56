import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFixture } from '../../../models/transfer-risk/fixture.ts'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import type { Transfer } from '../../../node/features/transfer.ts'
import { FEATURES } from '../../../node/features/transfer-features.ts'
import { TransferStream } from '../../../node/features/transfer-stream.ts'
import { type TestPostgres, testPostgres, until } from '../../adapters/postgres/support.ts'
import { address, CHAIN, featureWorld, TOKEN, type TransferBody, told, transfer } from './kit.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await testPostgres()
})
afterAll(() => postgres.dispose())

/** What the training export computes. */
function exported(transfers: readonly Transfer[]): number[][] {
  const stream = new TransferStream()
  return transfers.map((each) => [...stream.push(each)])
}
const valuesOf = ({ features }: TransferBody) => FEATURES.map((name) => features.values[name])

type World = Awaited<ReturnType<typeof featureWorld>>
type Served = Awaited<ReturnType<World['run']>>

/** Every transfer of a token by the pages of the API, oldest first. */
async function all({ get }: Served, query = '', token: string = TOKEN) {
  const rows: TransferBody[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Awaited<ReturnType<typeof get<readonly TransferBody[]>>> = await get(
      `/v1/features/tokens/${CHAIN}/${token}/transfers?limit=100${query}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    if (page.status !== 200) return []
    rows.push(...page.body.data)
    cursor = page.body.nextCursor ?? null
  }
  return rows.toReversed()
}

/** Waits until so many transfers of the world have their features. */
const settled = ({ store }: World, count: number) =>
  until(async () => {
    const [row] = await store.query({
      sql: `select count(t.features) as n from transfer t join token k on k.id = t.token_id
              where (t.block, t.log) <= (k.done_block, k.done_log)`,
    })
    return Number(row?.n) === count
  }, 60_000)

/** Many transfers among few, some in one block. */
function crowd(count: number, first = 1): Transfer[] {
  return Array.from({ length: count }, (_, i) =>
    transfer(first + Math.floor(i / 3), {
      logIndex: i % 3,
      from: address((i * 7) % 5),
      to: address((i * 11) % 6),
      value: BigInt(i) ** 7n,
    }),
  )
}

describe('features that the API serves', () => {
  test('are bit by bit those of the training export', async () => {
    const { transfers, matrix } = readFixture()
    const world = await featureWorld(postgres)
    for (const each of transfers) world.events.tell(told(each.transfer), 'seen')
    const served = await world.run()
    const token = transfers[0]?.transfer.token ?? TOKEN
    await settled(world, transfers.length)
    const rows = await all(served, '', token)
    expect(Float32Array.from(rows.flatMap(valuesOf) as number[])).toEqual(matrix)
    expect(rows[0]?.features.version).toBe(readFixture().version)
  })

  test('survive what hostile tokens emit', async () => {
    const world = await featureWorld(postgres)
    const [whale, loop, none, minted] = [
      transfer(1, { value: 2n ** 256n - 1n }),
      transfer(2, { to: address('alice'), value: 5n }),
      transfer(3, { value: 0n }),
      transfer(3, { logIndex: 1, from: `0x${'0'.repeat(40)}`, value: 2n ** 256n - 1n }),
    ]
    const good = [whale, loop, none, minted, transfer(4), transfer(4, { logIndex: 9, to: address('alice') })]
    for (const each of good) world.events.tell(told(each), 'seen')
    const nonsense = [
      null,
      'text',
      [],
      {},
      { from: '0x12', to: address('bob'), value: '1' },
      { from: address('alice'), to: address('bob'), value: '-1' },
      { from: address('alice'), to: address('bob'), value: (2n ** 256n).toString() },
      { from: address('alice'), to: address('bob'), value: 12 },
      { src: address('alice'), dst: address('bob'), wad: '1' },
    ]
    for (const [i, data] of nonsense.entries())
      world.events.tell(told(transfer(5, { logIndex: i }), { data }), 'seen')
    world.events.tell(told(transfer(6)), 'seen')
    const served = await world.run()
    await settled(world, good.length + 1)
    expect((await all(served)).map(valuesOf)).toEqual(exported([...good, transfer(6)]))
    expect(served.health()).toMatchObject({ status: 'degraded', reason: expect.stringContaining('coin') })
  })

  test('hold for a block with thousands of transfers', async () => {
    const world = await featureWorld(postgres)
    const many = Array.from({ length: 2_000 }, (_, i) =>
      transfer(1, { logIndex: i, from: address(i % 700), to: address('hub'), value: BigInt(i) }),
    )
    for (const each of many) world.events.tell(told(each), 'seen')
    const served = await world.run()
    await settled(world, many.length)
    expect((await all(served)).map(valuesOf)).toEqual(exported(many))
  })

  test('are of each token by itself, and of the names that its ABI has', async () => {
    const world = await featureWorld(postgres)
    const other = `0x${'71'.repeat(20)}` as const
    const mine = crowd(20)
    for (const each of mine) {
      world.events.tell(told(each), 'seen')
      const { from, to, value } = each
      const data = { src: from, dst: to, wad: value.toString() }
      world.events.tell(
        told({ ...each, token: other, logIndex: each.logIndex + 50 }, { contract: 'weth', data }),
        'seen',
      )
    }
    const served = await world.run({
      tokens: [{ contract: 'coin' }, { contract: 'weth', from: 'src', to: 'dst', value: 'wad' }],
    })
    await settled(world, 40)
    const [a, b] = [await all(served), await all(served, '', other)]
    expect(a.map(valuesOf)).toEqual(exported(mine))
    expect(b.map(valuesOf)).toEqual(a.map(valuesOf))
    expect(served.health()).toMatchObject({ status: 'ok' })
    expect((await served.get<unknown[]>('/v1/features/tokens')).body.data).toMatchObject([
      { chainId: CHAIN, token: TOKEN },
      { chainId: CHAIN, token: other },
    ])
  })
})

describe('what happens later', () => {
  test('changes no features of before', async () => {
    const world = await featureWorld(postgres)
    const transfers = crowd(40)
    for (const each of transfers.slice(0, 20)) world.events.tell(told(each), 'seen')
    const served = await world.run()
    await settled(world, 20)
    const before = await all(served)
    for (const each of transfers.slice(20)) world.events.tell(told(each), 'seen')
    await settled(world, 40)
    expect((await all(served)).slice(0, 20)).toEqual(before)
  })

  test('a reorganisation takes back transfers and what they did to histories', async () => {
    const world = await featureWorld(postgres)
    const transfers = crowd(30)
    const [kept, gone] = [transfers.slice(0, 18), transfers.slice(18)]
    for (const each of transfers) world.events.tell(told(each), 'seen')
    const served = await world.run()
    await settled(world, 30)
    for (const each of gone.toReversed()) world.events.tell(told(each), 'reverted')
    await settled(world, 18)
    const [first] = gone
    if (first === undefined) throw new TypeError('nothing is gone')
    expect(await served.one(first)).toMatchObject({
      status: 404,
      body: { code: 'FEATURES_UNKNOWN_TRANSFER' },
    })
    // The new branch has other transfers at the same places.
    const fresh = crowd(9, 7).map((each) => ({ ...each, value: each.value + 77n, to: address('carol') }))
    for (const each of fresh) world.events.tell(told(each, { branch: 'b' }), 'seen')
    await settled(world, 27)
    expect((await all(served)).map(valuesOf)).toEqual(exported([...kept, ...fresh]))
  })

  test('one that is taken back in the middle is taken out of the histories of later ones', async () => {
    const world = await featureWorld(postgres)
    const transfers = crowd(30)
    for (const each of transfers) world.events.tell(told(each), 'seen')
    const served = await world.run()
    await settled(world, 30)
    const [gone] = transfers.splice(12, 1)
    if (gone === undefined) throw new TypeError('nothing is gone')
    world.events.tell(told(gone), 'reverted')
    await settled(world, 29)
    expect((await all(served)).map(valuesOf)).toEqual(exported(transfers))
  })

  test('a token that is followed from an earlier block on since is computed again', async () => {
    const world = await featureWorld(postgres)
    const transfers = crowd(60)
    for (const each of transfers.slice(30)) world.events.tell(told(each), 'seen')
    const served = await world.run()
    await settled(world, 30)
    for (const each of transfers.slice(0, 30)) world.events.tell(told(each), 'seen')
    await settled(world, 60)
    expect((await all(served)).map(valuesOf)).toEqual(exported(transfers))
  })

  test('a restart in the middle loses nothing and doubles nothing', async () => {
    const world = await featureWorld(postgres)
    const transfers = crowd(200)
    for (const each of transfers.slice(0, 150)) world.events.tell(told(each), 'seen')
    const first = await world.run()
    await until(async () => (await all(first)).length > 10)
    await first.end()
    // All is told a second time, as after a crash before the cursor was saved.
    world.events.replay('features.coin', CHAIN, 1n)
    for (const each of transfers.slice(150)) world.events.tell(told(each), 'seen')
    const second = await world.run()
    await settled(world, 200)
    expect((await all(second)).map(valuesOf)).toEqual(exported(transfers))
  })

  test('old ones are deleted, and the oldest that are served keep their whole history', async () => {
    const world = await featureWorld(postgres)
    const day = 8_640
    const days = [0, 5, 12, 13, 14, 15].map((at) => transfer(1 + at * day, { value: BigInt(at + 1) }))
    for (const each of days) world.events.tell(told(each), 'seen')
    // Each look at it is a minute later.
    let minutes = 0
    const clock = { ...systemClock, monotonic: () => minutes++ * 60_000 }
    const served = await world.run({ tokens: [{ contract: 'coin' }], retentionDays: 2 }, { clock })
    await until(async () => {
      const kept = await world.store.query({ sql: 'select 1 from transfer' })
      const [newest] = (await all(served)).slice(-1)
      return kept.length === 4 && newest?.blockNumber === String(1 + 15 * day)
    })
    expect((await all(served)).map(valuesOf)).toEqual(exported(days).slice(3))
    const [, , old] = days
    if (old === undefined) throw new TypeError('no transfer')
    expect(await served.one(old)).toMatchObject({ status: 410, body: { code: 'FEATURES_TOO_OLD' } })
    // What comes late and is older than what is kept is not taken in.
    world.events.tell(told(transfer(2, { logIndex: 5 })), 'seen')
    world.events.tell(told(transfer(1 + 15 * day, { logIndex: 1 })), 'seen')
    await settled(world, 5)
    expect(await all(served)).toHaveLength(4)
    expect(await world.store.query({ sql: 'select 1 from transfer' })).toHaveLength(5)
  })

  test('what an earlier version of the features made says so', async () => {
    const world = await featureWorld(postgres)
    for (const each of crowd(3)) world.events.tell(told(each), 'seen')
    const served = await world.run()
    await settled(world, 3)
    await world.store.query({ sql: 'update transfer set features_version = 0 where log = 1' })
    expect((await all(served)).map(({ features }) => features.version)).toEqual([1, 0, 1])
  })
})
