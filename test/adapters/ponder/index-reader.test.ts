import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { ponderIndexReader } from '../../../node/adapters/ponder/index-reader.ts'
import type { BlockRef } from '../../../node/ports/chain.ts'
import type { IndexQuery } from '../../../node/ports/index-reader.ts'
import { freePort, type Postgres, startPostgres, testPool, until } from './fixture.ts'
import { recordingLogger, recordingMetrics } from './recorders.ts'
import { makeViews } from './views.ts'

const hash = `0x${'ab'.repeat(32)}` as const
let postgres: Postgres
let pool: pg.Pool
let head: BlockRef | null = null
const metrics = recordingMetrics()

const chain = {
  chains: () => [{ id: 7, name: 'seven', confirmations: 1 }],
  head: async () => {
    if (head === null) throw new Error('no provider')
    return head
  },
  finalized: async () => ({ number: 3n, hash, parentHash: hash, timestamp: 1 }),
}

function readerOf(from: pg.Pool, schema = 'views') {
  return ponderIndexReader(
    { viewsSchema: schema, headPollMs: 20 },
    { pool: from, chain, clock: systemClock, log: recordingLogger(), metrics },
  )
}

async function setWatermark(block: bigint): Promise<void> {
  await pool.query(
    'INSERT INTO views.watermark VALUES (7, $1, $2, 100) ON CONFLICT (chain_id) DO UPDATE SET block_number = $1',
    [block.toString(), hash],
  )
}

beforeAll(async () => {
  postgres = await startPostgres()
  // A pool with parsers of its own, as the node's: the reader must not depend on them.
  pool = testPool({
    connectionString: postgres.url,
    max: 4,
    types: {
      getTypeParser: (oid: number) =>
        oid === pg.types.builtins.TEXT || oid === pg.types.builtins.BOOL
          ? pg.types.getTypeParser(oid)
          : () => 'a value of some parser',
    },
  })
  await makeViews(pool, { id: 7, name: 'seven', safeBlock: 5 })
}, 30_000)

afterAll(async () => {
  await pool?.end()
  await postgres?.stop()
})

async function insertPool(address: string, reserve0: bigint, swapCount = 1): Promise<void> {
  await pool.query(`INSERT INTO views.pool VALUES (7, $1, '0x0a', '0x0b', $2, $3, 0, 1)`, [
    address,
    swapCount,
    reserve0.toString(),
  ])
}

describe('select', () => {
  beforeEach(async () => {
    await pool.query('TRUNCATE views.pool, views.event, views.feed_round')
  })

  it('gives integers of any size exactly, in numeric order, whatever parsers the pool has', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.bigInt(-(2n ** 255n), 2n ** 256n - 1n), { maxLength: 5 }),
        async (values) => {
          await pool.query('TRUNCATE views.pool')
          for (const [at, value] of values.entries()) await insertPool(`0x0${at}`, value)
          const rows = await readerOf(pool).select({
            table: 'pool',
            orderBy: [{ column: 'reserve0', direction: 'asc' }],
          })
          expect(rows.map(({ reserve0 }) => reserve0)).toEqual(values.sort((a, b) => (a < b ? -1 : 1)))
        },
      ),
      { numRuns: 20 },
    )
  })

  it('decodes every kind', async () => {
    await pool.query(
      `INSERT INTO views.feed_round VALUES ('id', 7, '0xfe', 1, -5, true, 1, 2, '0xc0', '0xe0', '0xd0', '0x1a', '0x7a', 9, '0xb0', 3, 11)`,
    )
    await pool.query(
      `INSERT INTO views.event VALUES ('e', 7, 9, '0xb0', 3, '0x7a', 11, '0xfe', 'feed.X', '{"a":["1"],"b":null}')`,
    )
    const [round] = await readerOf(pool).select({ table: 'feedRound' })
    expect(round).toMatchObject({
      id: 'id',
      chainId: 7,
      roundId: 1n,
      answer: -5n,
      accepted: true,
      logIndex: 3,
    })
    const [event] = await readerOf(pool).select({ table: 'event' })
    expect(event).toMatchObject({ blockNumber: 9n, data: { a: ['1'], b: null } })
    expect(structuredClone(event)).toEqual(event)
  })

  it('compares by every operator and finds hex in any case', async () => {
    for (const value of [1n, 2n, 3n]) await insertPool(`0xa${value}`, value)
    const found = async (query: Omit<IndexQuery<'pool'>, 'table'>) =>
      (await readerOf(pool).select({ table: 'pool', ...query }))
        .map(({ reserve0 }) => Number(reserve0))
        .sort()
    const where = (op: '=' | '!=' | '<' | '<=' | '>' | '>=') => ({
      where: [{ column: 'reserve0', op, value: 2n }] as const,
    })
    expect(await found(where('='))).toEqual([2])
    expect(await found(where('!='))).toEqual([1, 3])
    expect(await found(where('<'))).toEqual([1])
    expect(await found(where('<='))).toEqual([1, 2])
    expect(await found(where('>'))).toEqual([3])
    expect(await found(where('>='))).toEqual([2, 3])
    expect(await found({ where: [{ column: 'reserve0', op: 'in', value: [1n, 3n] }] })).toEqual([1, 3])
    expect(await found({ where: [{ column: 'address', op: 'in', value: ['0xA1', '0xA2'] }] })).toEqual([1, 2])
    expect(await found({ where: [{ column: 'address', op: 'in', value: [] }] })).toEqual([])
    expect(
      await found({ where: [{ column: 'address', op: '=', value: '0xA3' }, ...where('>').where] }),
    ).toEqual([3])
    expect(await found({ limit: 2 })).toHaveLength(2)
  })

  it('gives the columns that were asked for, and what comes behind a place', async () => {
    for (const [address, value] of [
      ['0xa1', 3n],
      ['0xa2', 1n],
      ['0xa3', 1n],
      ['0xa4', 2n],
    ] as const)
      await insertPool(address, value)
    const page = (direction: 'asc' | 'desc', after?: readonly [bigint, string]) =>
      readerOf(pool).select({
        table: 'pool',
        columns: ['address'],
        orderBy: [
          { column: 'reserve0', direction },
          { column: 'address', direction },
        ],
        ...(after === undefined ? {} : { after }),
        limit: 2,
      })
    expect(await page('asc')).toEqual([{ address: '0xa2' }, { address: '0xa3' }])
    expect(await page('asc', [1n, '0xa3'])).toEqual([{ address: '0xa4' }, { address: '0xa1' }])
    expect(await page('asc', [3n, '0xa1'])).toEqual([])
    expect(await page('desc', [2n, '0xa4'])).toEqual([{ address: '0xa3' }, { address: '0xa2' }])
  })

  it('never takes a text of the caller into the SQL', async () => {
    await insertPool('0xa1', 1n)
    const hostile = [
      `'; DROP TABLE views.pool; --`,
      `" OR 1=1 --`,
      `\\'; SELECT pg_sleep(9)`,
      '$1',
      '%',
      '1) OR (1=1',
    ]
    for (const value of hostile) {
      expect(
        await readerOf(pool).select({ table: 'event', where: [{ column: 'name', op: '=', value }] }),
      ).toEqual([])
      for (const query of [
        { table: value },
        { table: 'pool', where: [{ column: value, op: '=', value: 1 }] },
        { table: 'pool', where: [{ column: 'chainId', op: value, value: 1 }] },
        { table: 'pool', where: [{ column: 'chainId', op: '=', value }] },
        { table: 'pool', where: [{ column: 'address', op: '=', value: `0x${value}` }] },
        { table: 'pool', where: [{ column: 'reserve0', op: 'in', value: [value] }] },
        { table: 'pool', orderBy: [{ column: value, direction: 'asc' }] },
        { table: 'pool', orderBy: [{ column: 'chainId', direction: value }] },
        { table: 'pool', limit: value },
        { table: 'pool', columns: [value] },
        { table: 'pool', orderBy: [{ column: 'chainId', direction: 'asc' }], after: [value] },
      ]) {
        await expect(readerOf(pool).select(query as unknown as IndexQuery<'pool'>)).rejects.toMatchObject({
          code: 'INDEX_BAD_QUERY',
          retry: false,
        })
      }
    }
    expect(await readerOf(pool).select({ table: 'pool' })).toHaveLength(1)
  })

  it.each([
    ['a table of Object', { table: 'toString' }],
    ['a column of Object', { table: 'pool', where: [{ column: 'constructor', op: '=', value: 1 }] }],
    ['a column in snake case', { table: 'pool', orderBy: [{ column: 'chain_id', direction: 'asc' }] }],
    ['a number for a bigint', { table: 'pool', where: [{ column: 'reserve0', op: '=', value: 1 }] }],
    ['a fraction', { table: 'pool', where: [{ column: 'chainId', op: '=', value: 1.5 }] }],
    ['a list for =', { table: 'pool', where: [{ column: 'chainId', op: '=', value: [1] }] }],
    ['one value for in', { table: 'pool', where: [{ column: 'chainId', op: 'in', value: 1 }] }],
    ['NUL in a text', { table: 'event', where: [{ column: 'name', op: '=', value: 'a\0' }] }],
    ['a comparison of JSON', { table: 'event', where: [{ column: 'data', op: '=', value: '1' }] }],
    ['an order by JSON', { table: 'event', orderBy: [{ column: 'data', direction: 'asc' }] }],
    ['no column', { table: 'pool', columns: [] }],
    ['a place without an order', { table: 'pool', after: [] }],
    [
      'a place of fewer columns than the order',
      {
        table: 'pool',
        orderBy: [
          { column: 'chainId', direction: 'asc' },
          { column: 'address', direction: 'asc' },
        ],
        after: [7],
      },
    ],
    [
      'a place in an order of two directions',
      {
        table: 'pool',
        orderBy: [
          { column: 'chainId', direction: 'asc' },
          { column: 'address', direction: 'desc' },
        ],
        after: [7, '0xa1'],
      },
    ],
    ['no row', { table: 'pool', limit: 0 }],
    ['too many rows', { table: 'pool', limit: 10_001 }],
  ])('refuses %s', async (_, query) => {
    await expect(readerOf(pool).select(query as unknown as IndexQuery<'pool'>)).rejects.toMatchObject({
      code: 'INDEX_BAD_QUERY',
    })
  })

  it('refuses a schema that would need escaping', () => {
    expect(() => readerOf(pool, 'a"b')).toThrow(expect.objectContaining({ code: 'INDEX_BAD_OPTIONS' }))
  })

  it('is unavailable without views and without a database', async () => {
    await expect(readerOf(pool, 'absent').select({ table: 'pool' })).rejects.toMatchObject({
      code: 'INDEX_UNAVAILABLE',
      retry: true,
    })
    const nowhere = testPool({ host: '127.0.0.1', port: await freePort(), password: 'x' })
    await expect(readerOf(nowhere).select({ table: 'pool' })).rejects.toMatchObject({
      code: 'INDEX_UNAVAILABLE',
    })
    await expect(readerOf(nowhere).freshness()).rejects.toMatchObject({ code: 'INDEX_UNAVAILABLE' })
    await nowhere.end()
  })
})

describe('completeness', () => {
  it('follows the watermark, not what Ponder calls latest', async () => {
    const reader = readerOf(pool)
    await pool.query('DELETE FROM views.watermark')
    expect((await reader.freshness())[0]?.indexed?.number).toBe(5n)
    await setWatermark(8n)
    expect((await reader.freshness())[0]?.indexed).toEqual({ number: 8n, timestamp: 100 })
    await expect(
      reader.select({ table: 'pool', complete: { chainId: 7, block: 8n } }),
    ).resolves.toBeInstanceOf(Array)
    await setWatermark(6n)
    await expect(reader.select({ table: 'pool', complete: { chainId: 7, block: 8n } })).rejects.toMatchObject(
      {
        code: 'INDEX_BEHIND',
        retry: true,
        data: { indexed: 6n },
      },
    )
    await expect(reader.select({ table: 'pool', complete: { chainId: 8, block: 0n } })).rejects.toMatchObject(
      {
        code: 'INDEX_BEHIND',
      },
    )
  })

  it('refuses rows of another branch than the wanted one', async () => {
    const reader = readerOf(pool)
    await setWatermark(8n)
    const other = `0x${'0b'.repeat(32)}` as const
    // Block 1032 has the slot of block 8.
    await pool.query(`INSERT INTO views.block VALUES (7, 8, 8, $1, '0x00', 100)`, [hash])
    const read = (block: bigint, wanted: `0x${string}`) =>
      reader.select({ table: 'pool', complete: { chainId: 7, block, hash: wanted } })
    await expect(read(8n, hash)).resolves.toBeInstanceOf(Array)
    await expect(read(8n, other)).rejects.toMatchObject({ code: 'INDEX_BEHIND', retry: true })
    await setWatermark(1_032n)
    await expect(read(1_032n, hash)).rejects.toMatchObject({ code: 'INDEX_BEHIND', retry: true })
    await pool.query('DELETE FROM views.block')
  })

  it('lets callers wait for a block', async () => {
    const reader = readerOf(pool)
    await setWatermark(10n)
    await reader.waitFor(7, 10n, 1_000)
    const both = Promise.all([reader.waitFor(7, 12n, 5_000), reader.waitFor(7, 11n, 5_000)])
    await setWatermark(12n)
    await both
    await expect(reader.waitFor(7, 13n, 30)).rejects.toMatchObject({ code: 'INDEX_BEHIND', retry: true })
    await expect(reader.waitFor(8, 1n, 30)).rejects.toMatchObject({ code: 'INDEX_BAD_QUERY' })
    const waiting = reader.waitFor(7, 99n, 60_000)
    await reader.stop()
    await expect(waiting).rejects.toMatchObject({ code: 'INDEX_UNAVAILABLE' })
  })

  it('measures lag against the head it sees itself, and goes on when a provider fails', async () => {
    const reader = readerOf(pool)
    await setWatermark(10n)
    await reader.start()
    head = null
    expect(await reader.freshness()).toMatchObject([
      { chainId: 7, name: 'seven', head: null, lagBlocks: null },
    ])
    head = { number: 17n, hash, parentHash: hash, timestamp: 1 }
    await until('head', 2_000, async () => (await reader.freshness())[0]?.lagBlocks === 7)
    expect((await reader.freshness())[0]).toEqual({
      chainId: 7,
      name: 'seven',
      head: { number: 17n, hash, timestamp: 1 },
      indexed: { number: 10n, timestamp: 100 },
      finalized: 3n,
      lagBlocks: 7,
    })
    await until('gauges', 2_000, async () => metrics.values.get('iyi_index_lag_blocks{chain=seven}') === 7)
    expect(metrics.values.get('iyi_index_head_block{chain=seven}')).toBe(17)
    expect(metrics.values.get('iyi_index_indexed_block{chain=seven}')).toBe(10)
    head = null
    await setWatermark(20n)
    expect((await reader.freshness())[0]).toMatchObject({ head: { number: 17n }, lagBlocks: 0 })
    await reader.stop()
  })
})
