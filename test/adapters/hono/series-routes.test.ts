import { describe, expect, it } from 'vitest'
import type { Candle, SeriesReader } from '../../../node/ports/series.ts'
import { SeriesError } from '../../../node/ports/series-error.ts'
import { serve } from './fixture.ts'

const address = `0x${'ab'.repeat(20)}` as const
const POOL = `pool-1-${address}`

const candle = (start: number): Candle => ({
  ...{ start, open: 2n ** 315n, high: 3n, low: 1n, close: 2n, volumeBase: 5n, volumeQuote: 6n },
  ...{ trades: 4, final: start < 60 },
})

async function served(more: Partial<SeriesReader> = {}) {
  const asked: object[] = []
  const series: SeriesReader = {
    list: async ({ after, limit } = { after: '', limit: 9 }) =>
      [
        { id: 'book', chainId: 1, address: null, source: 'event' as const },
        { id: POOL, chainId: 1, address, source: 'pool' as const },
      ]
        .filter(({ id }) => id > after)
        .slice(0, limit),
    candles: async (query) => {
      asked.push(query)
      const candles = [candle(120), candle(60), candle(0)].filter(({ start }) => start < (query.to ?? 0))
      return { candles: candles.slice(0, query.limit), knownUntil: 130 }
    },
    rolling: async (query) => {
      asked.push(query)
      return {
        ...{ from: 1, until: 60, of: '1s', open: 2n, high: 2n, low: 2n, close: 2n, vwap: null },
        ...{ volumeBase: 5n, volumeQuote: 10n, trades: 1, deviation: null },
      }
    },
    knownUntil: () => Promise.reject(new RangeError('is told with the candles')),
    ...more,
  }
  const { url } = await serve(() => {}, {}, {}, { series })
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`)
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { asked, get }
}

describe('/v1/series', () => {
  it('lists series by id, page by page, addresses with their checksum', async () => {
    const { get } = await served()
    const { body } = await get('/v1/series?limit=1')
    expect(body.data).toEqual([{ id: 'book', chainId: 1, address: null, source: 'event' }])
    const next = await get(`/v1/series?cursor=${body.nextCursor}`)
    expect(next.body).toMatchObject({
      data: [{ id: POOL, address: '0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB' }],
      ...{ nextCursor: null, meta: { chains: [] } },
    })
  })

  it('serves candles with exact prices, newest first, and goes on at a cursor', async () => {
    const { asked, get } = await served()
    const { body } = await get(`/v1/series/${POOL.toUpperCase()}/candles?interval=1m&from=0&to=150&limit=2`)
    expect(body).toMatchObject({
      data: [{ start: 120, open: (2n ** 315n).toString(), volumeQuote: '6', final: false }, { start: 60 }],
      knownUntil: 130,
    })
    expect(asked).toEqual([{ series: POOL, interval: '1m', from: 0, to: 150, limit: 2 }])
    const rest = await get(`/v1/series/${POOL}/candles?interval=1m&cursor=${body.nextCursor}`)
    expect(rest.body).toMatchObject({ data: [{ start: 0, final: true }], nextCursor: null })
  })

  it('serves rolling windows', async () => {
    const { asked, get } = await served()
    const { body } = await get('/v1/series/book/rolling?window=15m&until=60')
    expect(asked).toEqual([{ series: 'book', windowSeconds: 900, until: 60 }])
    expect(body.data).toMatchObject({ of: '1s', volumeQuote: '10', vwap: null, close: '2' })
  })

  it.each([
    'candles',
    'candles?interval=2m',
    'candles?interval=1m&limit=1001',
    'candles?interval=1m&limit=1e2',
    'candles?interval=1m&from=-1',
    'candles?interval=1m&from=9&to=9',
    'candles?interval=1m&until=5',
    'candles?interval=1m&cursor=zzz',
    'rolling',
    'rolling?window=0s',
    'rolling?window=60',
    'rolling?window=1w',
  ])('refuses %s', async (query) => {
    const { asked, get } = await served()
    expect((await get(`/v1/series/book/${query}`)).status).toBe(400)
    expect(asked).toEqual([])
  })

  it.each([
    ['SERIES_UNKNOWN', 404, false],
    ['SERIES_BAD_QUERY', 400, false],
    ['SERIES_UNAVAILABLE', 503, true],
  ] as const)('says %s as %i', async (code, status, retry) => {
    const rolling = () => Promise.reject(new SeriesError(code, 'do this', { data: {}, retry }))
    const { get } = await served({ rolling })
    expect(await get('/v1/series/book/rolling?window=1h')).toMatchObject({ status, body: { code } })
  })

  it('is not there where the node makes none', async () => {
    const { url } = await serve()
    expect((await fetch(`${url}/v1/series`)).status).toBe(404)
  })
})
