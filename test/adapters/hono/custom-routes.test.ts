import { describe, expect, it } from 'vitest'
import { IndexError } from '../../../node/adapters/ponder/errors.ts'
import type { CustomIndex, CustomQuery } from '../../../node/ports/custom-index.ts'
import { customTables } from '../../../node/ports/custom-tables.ts'
import type { PageRow } from '../../../node/ports/index-pages.ts'
import { serve } from './fixture.ts'

const [table] = customTables({
  ...{ name: 'token', chainId: 1, startBlock: 0, source: { addresses: [] } },
  events: [
    {
      type: 'event',
      name: 'Odd',
      inputs: [
        { name: 'to', type: 'address', indexed: true },
        { name: 'amount', type: 'int256' },
        { name: 'ok', type: 'bool' },
        { name: 'list', type: 'uint8[]' },
      ],
    },
  ],
})

function row(logIndex: number): PageRow {
  return {
    ...{ id: `1-${logIndex}`, chainId: 1, blockNumber: 7n, logIndex, timestamp: 9n },
    ...{ blockHash: `0x${'ab'.repeat(32)}`, transactionHash: `0x${'cd'.repeat(32)}` },
    address: `0x${'ab'.repeat(20)}`,
    ...{ to: `0x${'ef'.repeat(20)}`, amount: -(2n ** 200n), ok: true, list: ['1', '2'] },
  }
}

async function served(rows: readonly PageRow[], failure?: Error) {
  const asked: CustomQuery[] = []
  const custom: CustomIndex = {
    tables: () => (table === undefined ? [] : [table]),
    rows: async (_name, query) => {
      asked.push(query)
      if (failure !== undefined) throw failure
      return { rows: rows.slice(0, query.limit), isCut: false }
    },
  }
  const view = { freshness: async () => [] }
  const { url } = await serve(() => {}, {}, view, { custom })
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`)
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { asked, get }
}

describe('/v1/index', () => {
  it('lists tables with their columns, and where their rows are', async () => {
    const { get } = await served([])
    const { body } = await get('/v1/index')
    expect(body.data).toMatchObject([{ contract: 'token', event: 'Odd', path: '/v1/index/token/Odd' }])
    expect((body.data as { columns: object[] }[])[0]?.columns).toContainEqual({
      name: 'amount',
      kind: 'bigint',
    })
  })

  it('answers rows with exact integers, asks by typed values, and goes on at a cursor', async () => {
    const { asked, get } = await served([row(2), row(1), row(0)])
    const to = `0x${'EF'.repeat(20)}`
    const { body } = await get(`/v1/index/token/Odd?to=${to}&amount=-${2n ** 200n}&ok=true&limit=2`)
    expect(asked[0]).toEqual({ where: { to, amount: -(2n ** 200n), ok: true }, before: null, limit: 2 })
    expect(body.data).toMatchObject([
      { blockNumber: '7', amount: (-(2n ** 200n)).toString(), ok: true, list: ['1', '2'] },
      { logIndex: 1, address: '0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB' },
    ])
    await get(`/v1/index/token/Odd?cursor=${String(body.nextCursor)}`)
    expect(asked[1]?.before).toEqual({ chainId: 1, blockNumber: 7n, logIndex: 1 })
    expect((await get('/v1/index/token/Odd')).body.nextCursor).toBeNull()
  })

  it.each([
    'to=12',
    'amount=1.5',
    'ok=maybe',
    'list=1',
    'nothing=1',
    'cursor=zzz',
    'to=%00',
    'blockNumber=x',
  ])('refuses %s', async (query) => {
    const { asked, get } = await served([])
    expect((await get(`/v1/index/token/Odd?${query}`)).status).toBe(400)
    expect(asked).toEqual([])
  })

  it('says what is missing while the build with a contract is made', async () => {
    const data = { table: 'token', reason: 'it is being made' }
    const { get } = await served([], new IndexError('INDEX_UNAVAILABLE', data.reason, { data, retry: true }))
    expect(await get('/v1/index/token/Odd')).toMatchObject({
      status: 503,
      body: { code: 'INDEX_UNAVAILABLE', detail: 'it is being made' },
    })
  })

  it('knows no other table', async () => {
    const { get } = await served([])
    expect((await get('/v1/index/token/Even')).status).toBe(404)
  })
})
