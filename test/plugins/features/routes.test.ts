import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import type { Transfer } from '../../../node/features/transfer.ts'
import { FEATURES } from '../../../node/features/transfer-features.ts'
import { TransferStream } from '../../../node/features/transfer-stream.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import { type TestPostgres, testPostgres, until } from '../../adapters/postgres/support.ts'
import { memoryEventLog } from '../../fakes/event-log.ts'
import { address, CHAIN, featureWorld, ORIGIN, TOKEN, type TransferBody, told, transfer } from './kit.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await testPostgres()
})
afterAll(() => postgres.dispose())

const [ALICE, BOB, CAROL] = [address('alice'), address('bob'), address('carol')]
const LIST = `/v1/features/tokens/${CHAIN}/${TOKEN}/transfers`
const history = [
  transfer(1, { from: CAROL, to: ALICE, value: 500n }),
  transfer(1, { logIndex: 1, value: 100n }),
  transfer(3, { value: 120n }),
  transfer(5, { from: BOB, to: ALICE, value: 40n }),
  transfer(5, { logIndex: 3, from: CAROL, to: BOB, value: 7n }),
]

async function served(transfers: readonly Transfer[] = history, clock: Clock = systemClock) {
  const world = await featureWorld(postgres)
  world.chain.grow(CHAIN, 60)
  for (const each of transfers) world.events.tell(told(each), 'seen')
  const running = await world.run(undefined, { clock })
  const list = (query = '') => running.get<readonly TransferBody[]>(`${LIST}?limit=100${query}`)
  await until(async () => (await list()).body.data?.length === transfers.length)
  return { ...world, ...running, list }
}

describe('a page of transfers', () => {
  test('goes on where the one before ended, newest first', async () => {
    const { get } = await served()
    const places: string[] = []
    for (let cursor: string | null | undefined = ''; cursor !== null && cursor !== undefined; ) {
      const page: { body: { data: readonly TransferBody[]; nextCursor?: string | null } } = await get(
        `${LIST}?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      )
      expect(page.body.data.length).toBeLessThanOrEqual(2)
      places.push(...page.body.data.map(({ blockNumber, logIndex }) => `${blockNumber}:${logIndex}`))
      cursor = page.body.nextCursor
    }
    expect(places).toEqual(['5:3', '5:0', '3:0', '1:1', '1:0'])
  })

  test('is filtered by sender, receiver and blocks', async () => {
    const { list } = await served()
    const places = async (query: string) =>
      (await list(query)).body.data.map(({ blockNumber, logIndex }) => `${blockNumber}:${logIndex}`)
    expect(await places(`&from=${ALICE.toUpperCase().replace('0X', '0x')}`)).toEqual(['3:0', '1:1'])
    expect(await places(`&to=${ALICE}`)).toEqual(['5:0', '1:0'])
    expect(await places('&fromBlock=3&toBlock=3')).toEqual(['3:0'])
    expect(await places('&minScore=0')).toEqual([])
  })

  test('refuses what is no question', async () => {
    const { get } = await served()
    // A number that no row has: beyond the ids of a database.
    const far = Buffer.from('9007199254740991').toString('base64url')
    expect(await get(`/v1/features/tokens?cursor=${far}`)).toMatchObject({
      status: 400,
      body: { code: 'HTTP_BAD_CURSOR' },
    })
    for (const query of ['?cursor=abc', '?limit=0', '?from=0x12', '?fromBlock=-1', '?minScore=x', '?what=1'])
      expect((await get(`${LIST}${query}`)).status, query).toBe(400)
    expect(await get(`/v1/features/tokens/${CHAIN}/${BOB}/transfers`)).toMatchObject({
      status: 404,
      body: { code: 'FEATURES_UNKNOWN_TOKEN' },
    })
    expect((await get(`/v1/features/transfers/${CHAIN}/0x12/0`)).status).toBe(400)
    expect((await get(`/v1/features/tokens/99999999999999999999/${TOKEN}/transfers`)).status).toBe(400)
  })
})

describe('features as of a moment', () => {
  const ask = `/v1/features/tokens/${CHAIN}/${TOKEN}/addresses/${ALICE}?to=${BOB}&value=90`
  type AsOf = TransferBody & { timestamp: number; historySeconds: number; block: { number: string } | null }

  test('are those of a transfer right after a block, whatever came later', async () => {
    const { get } = await served()
    const stream = new TransferStream()
    for (const each of history.slice(0, 3)) stream.push(each)
    const values = [...stream.push(transfer(1_000, { timestamp: ORIGIN + 40, value: 90n }))]
    const { status, body } = await get<AsOf>(`${ask}&block=4`)
    expect(status).toBe(200)
    expect(FEATURES.map((name) => body.data.features.values[name])).toEqual(values)
    expect(body.data).toMatchObject({
      timestamp: ORIGIN + 40,
      block: { number: '4' },
      historySeconds: 30,
      features: { version: 1 },
    })
    // Block 3 itself counts, log by log.
    expect((await get<AsOf>(`${ask}&block=3`)).body.data.features.values.senderOut).toBe(
      Math.fround(Math.log1p(2)),
    )
    expect((await get<AsOf>(`${ask}&block=2`)).body.data.features.values.senderOut).toBe(
      Math.fround(Math.log1p(1)),
    )
  })

  test('or at a time, or now', async () => {
    const { get } = await served()
    const at = await get<AsOf>(`${ask}&time=${ORIGIN + 49}`)
    expect(at.body.data).toMatchObject({ timestamp: ORIGIN + 49, block: { number: '3' } })
    const before = await get<AsOf>(`${ask}&time=${ORIGIN + 5}`)
    expect(before.body.data).toMatchObject({ block: null, historySeconds: 0 })
    expect(before.body.data.features.values).toMatchObject({ senderOut: 0, senderIn: 0, amountVsToken: 0 })
    const now = await get<AsOf>(ask)
    expect(now.body.data).toMatchObject({ timestamp: ORIGIN + 50, block: { number: '5' } })
    expect(now.body.data.features.values.senderIn).toBe(Math.fround(Math.log1p(2)))
  })

  test('are not given of a token that is not followed any more; what was computed stays', async () => {
    const world = await served()
    await world.end()
    const { get, one } = await world.run({ tokens: [] })
    expect(await get(ask)).toMatchObject({ status: 404, body: { code: 'FEATURES_UNKNOWN_TOKEN' } })
    expect(await one(transfer(3, { value: 120n }))).toMatchObject({ status: 200 })
  })

  test('go on after the operator gave the contract another name', async () => {
    const world = await served()
    await world.end()
    const events = memoryEventLog()
    for (const each of history) events.tell(told(each, { contract: 'renamed' }), 'seen')
    const { get } = await world.run({ tokens: [{ contract: 'renamed' }] }, { events })
    await until(async () => (await get(`${ask}&block=4`)).status === 200)
  })

  test('ask the chain for a block once', async () => {
    const { get, chain } = await served(history, { ...systemClock, monotonic: () => 0 })
    const asked = vi.spyOn(chain, 'block')
    for (let i = 0; i < 3; i++) expect((await get(`${ask}&block=4`)).status).toBe(200)
    expect(asked).toHaveBeenCalledTimes(1)
  })

  test('are refused where nobody can know them', async () => {
    const { get } = await served([...history, transfer(6)])
    expect(await get(`${ask}&block=7`)).toMatchObject({ status: 409, body: { code: 'FEATURES_NOT_YET' } })
    // Also one that no chain will have for ages: told up to where it is followed.
    expect((await get<{ detail: string }>(`${ask}&block=${'9'.repeat(18)}`)).body).toMatchObject({
      code: 'FEATURES_NOT_YET',
      detail: expect.stringMatching(/followed up to block 6[,:;.]/),
    })
    // The next block may be of the newest one's time, too.
    for (const time of [ORIGIN + 60, ORIGIN + 61])
      expect(await get(`${ask}&time=${time}`)).toMatchObject({
        status: 409,
        body: { code: 'FEATURES_NOT_YET' },
      })
    expect((await get(`${ask}&time=${ORIGIN + 59}`)).status).toBe(200)
    expect(await get(`${ask}&time=1600000000`)).toMatchObject({
      status: 410,
      body: { code: 'FEATURES_TOO_OLD' },
    })
    expect(await get(`${ask}&block=1&time=${ORIGIN}`)).toMatchObject({
      status: 400,
      body: { code: 'FEATURES_BAD_MOMENT' },
    })
    for (const value of [`${2n ** 256n}`, '-1', '1.5', 'abc', '', '0x5a', '1e3'])
      expect((await get(ask.replace('value=90', `value=${value}`))).status, value).toBe(400)
    expect((await get(ask.replace(`to=${BOB}&`, ''))).status).toBe(400)
  })
})
