import fc from 'fast-check'
import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { graphqlApi } from '../../../node/adapters/graphql/graphql-api.ts'
import { limits } from '../../../node/adapters/graphql/limits.ts'
import { MOST_BYTES } from '../../../node/adapters/ponder/page-sql.ts'
import { indexTables } from '../../../node/ports/index-tables.ts'
import { instantClock } from '../../fakes/instant-clock.ts'
import { serve } from '../hono/fixture.ts'
import { freshness, graphqlWorld, VIEWS } from './world.ts'

let world: Awaited<ReturnType<typeof graphqlWorld>>

beforeAll(async () => {
  world = await graphqlWorld()
}, 30_000)
afterAll(() => world?.close())

interface Page {
  readonly items: readonly Readonly<Record<string, unknown>>[]
  readonly pageInfo: {
    readonly hasNextPage: boolean
    readonly hasPreviousPage: boolean
    readonly startCursor: string | null
    readonly endCursor: string | null
  }
}

/** Never there: what is asked for either comes or fails the test. */
const none: Page = {
  items: [],
  pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
}
const OWN = 'application/graphql-response+json'

async function door() {
  const { url } = await serve(
    () => {},
    { maxBodyBytes: 1_000_000 },
    { freshness: async () => freshness },
    { custom: world.custom, graphql: world.api },
  )
  const post = async (body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}/v1/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return answerOf(response)
  }
  const ask = async (query: string, variables?: object) => {
    const { body } = await post({ query, variables })
    expect(body.errors, JSON.stringify(body.errors)).toBeUndefined()
    return body.data as Readonly<Record<string, Page>>
  }
  const codes = async (query: string, variables?: object) => {
    const { status, body } = await post({ query, variables })
    return { status, codes: (body.errors ?? []).map(({ extensions }) => extensions.code) }
  }
  return { url, post, ask, codes }
}

async function answerOf(response: Response) {
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: (await response.json()) as {
      data?: unknown
      errors?: { message: string; path?: unknown; extensions: { code: string } }[]
    },
  }
}

const hexOf = (byte: string, bytes = 20) => `0x${byte.repeat(bytes)}`
const swap = (blockNumber: number, logIndex: number, more: object = {}) => ({
  ...{ id: `7-${blockNumber}-${logIndex}`, chainId: 7, blockNumber, logIndex, pool: hexOf('aa') },
  ...more,
})

describe('what is asked for', () => {
  beforeEach(async () => {
    await world.pool.query(
      `TRUNCATE ${VIEWS}.pool_swap, ${VIEWS}.pool, ${VIEWS}.custom_odd_paid, ${VIEWS}.event`,
    )
  })

  it('comes newest first, exact, with the contract’s address as people write it', async () => {
    const { ask } = await door()
    await world.insert('poolSwap', [
      swap(1, 0, { amount0In: 2n ** 256n - 1n }),
      swap(2, 0),
      swap(2, 1, { pool: hexOf('bb') }),
    ])
    const { poolSwaps = none } = await ask(
      '{ poolSwaps { items { id pool amount0In chainId } pageInfo { hasNextPage } } }',
    )
    expect(poolSwaps.items.map(({ id }) => String(id))).toEqual(['7-2-1', '7-2-0', '7-1-0'])
    expect(poolSwaps.items[2]).toEqual({
      ...{ id: '7-1-0', chainId: 7, amount0In: String(2n ** 256n - 1n) },
      pool: '0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa',
    })
    expect(poolSwaps.pageInfo.hasNextPage).toBe(false)
  })

  it('is one row by its key', async () => {
    const { ask } = await door()
    await world.insert('poolSwap', [swap(1, 0), swap(2, 0)])
    await world.insert('pool', [{ chainId: 7, address: hexOf('aa'), reserve0: 5n }])
    const found = await ask(
      `{ poolSwap(id: "7-1-0") { blockNumber } none: poolSwap(id: "x") { id } pool(chainId: 7, address: "${hexOf('AA').replace('0X', '0x')}") { reserve0 } }`,
    )
    expect(found).toEqual({ poolSwap: { blockNumber: '1' }, none: null, pool: { reserve0: '5' } })
  })

  it('narrows by each operator, with literals and with variables', async () => {
    const { ask } = await door()
    await world.insert(
      'poolSwap',
      [1, 2, 3].map((block) => swap(block, 0, { amount0In: 10n ** 30n + BigInt(block) })),
    )
    const blocks = async (where: object) => {
      const { poolSwaps = none } = await ask(
        'query ($where: PoolSwapFilter) { poolSwaps(where: $where) { items { blockNumber } } }',
        {
          where,
        },
      )
      return poolSwaps.items.map(({ blockNumber }) => Number(blockNumber))
    }
    const middle = String(10n ** 30n + 2n)
    expect(await blocks({ amount0In: middle })).toEqual([2])
    expect(await blocks({ amount0In_not: middle })).toEqual([3, 1])
    expect(await blocks({ amount0In_gt: middle })).toEqual([3])
    expect(await blocks({ amount0In_gte: middle })).toEqual([3, 2])
    expect(await blocks({ amount0In_lt: middle })).toEqual([1])
    expect(await blocks({ amount0In_lte: middle, chainId: 7 })).toEqual([2, 1])
    expect(await blocks({ id_in: ['7-1-0', '7-3-0', 'x'] })).toEqual([3, 1])
    expect(await blocks({ id_in: [] })).toEqual([])
    expect(await blocks({ pool: hexOf('AA').replace('0X', '0x'), blockNumber: 3 })).toEqual([3])
    const literal = await ask(
      `{ poolSwaps(where: { amount0In_gt: ${middle}, blockNumber_in: [3] }) { items { id } } }`,
    )
    expect(literal.poolSwaps?.items).toEqual([{ id: '7-3-0' }])
  })

  it('goes on at a cursor: every row once and in order, whatever the order, page by page, both ways', async () => {
    const { ask } = await door()
    const query = `query ($o: PoolSwapOrder, $d: OrderDirection, $n: Int, $a: String, $b: String) {
      poolSwaps(orderBy: $o, orderDirection: $d, limit: $n, after: $a, before: $b) {
        items { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
    const place = fc.record({
      block: fc.nat(3),
      log: fc.nat(3),
      amount: fc.nat(2),
      chain: fc.constantFrom(1, 7),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(place, {
          maxLength: 14,
          selector: ({ block, log, chain }) => `${chain}-${block}-${log}`,
        }),
        fc.constantFrom(null, 'amount0In', 'logIndex', 'blockNumber'),
        fc.constantFrom('asc' as const, 'desc' as const),
        fc.integer({ min: 1, max: 5 }),
        async (places, order, direction, size) => {
          await world.pool.query(`TRUNCATE ${VIEWS}.pool_swap`)
          const rows = places.map(({ block, log, amount, chain }) =>
            swap(block, log, { chainId: chain, id: `${chain}-${block}-${log}`, amount0In: amount }),
          )
          await world.insert('poolSwap', rows)
          const keys = [...(order === null ? [] : [order]), 'chainId', 'blockNumber', 'logIndex'] as const
          const value = (row: object, key: string) => Number(Reflect.get(row, key))
          const sign = direction === 'asc' ? 1 : -1
          const expected = rows
            .toSorted((a, b) => {
              const key = keys.find((each) => value(a, each) !== value(b, each))
              return key === undefined ? 0 : sign * (value(a, key) - value(b, key))
            })
            .map(({ id }) => id)
          const forth: string[] = []
          let last: { endCursor: string | null; hasNextPage: boolean } = {
            endCursor: null,
            hasNextPage: true,
          }
          const given = { o: order, d: direction, n: size }
          while (last.hasNextPage) {
            const { poolSwaps = none } = await ask(query, { ...given, a: last.endCursor })
            forth.push(...poolSwaps.items.map(({ id }) => String(id)))
            last = poolSwaps.pageInfo
          }
          expect(forth).toEqual(expected)
          if (expected.length === 0) return
          const back = forth.slice(-1)
          const { poolSwaps: end = none } = await ask(query, { ...given, n: 1_000 })
          let from = end.pageInfo.endCursor
          for (let more = true; more; ) {
            const { poolSwaps = none } = await ask(query, { ...given, b: from })
            back.unshift(...poolSwaps.items.map(({ id }) => String(id)))
            more = poolSwaps.pageInfo.hasPreviousPage
            from = poolSwaps.pageInfo.startCursor
          }
          expect(back).toEqual(expected)
        },
      ),
      { numRuns: 12 },
    )
  }, 60_000)

  it('is what the other routes answer of a contract of the operator’s own', async () => {
    const { ask, url } = await door()
    await world.insert(
      'odd_Paid',
      [0, 1, 2].map((at) => ({
        ...{ id: `7-9-${at}`, chainId: 7, blockNumber: 9n, logIndex: at, to: hexOf('cd'), value: 2n ** 255n },
        ...{
          value_gte: at > 0,
          memo: 'naïve "quotes" \u{1f600}',
          list: ['1', '2'],
          tokenID: BigInt(at),
          true: 3n,
        },
      })),
    )
    const rest = (await (await fetch(`${url}/v1/index/odd/Paid?limit=2`)).json()) as {
      meta: unknown
      data: unknown
    }
    const { odd_Paid_list: page = none, _meta } = await ask(
      `{
      _meta { chains { chainId name head indexed finalized lagBlocks lagSeconds } }
      odd_Paid_list(limit: 2) { items { id chainId blockNumber blockHash logIndex transactionHash timestamp address
        to value value_gte arg__gap memo list argtrue tokenID } } }`,
    )
    expect(_meta).toEqual(rest.meta)
    expect(
      page.items.map(({ arg__gap, argtrue, ...row }) => ({ ...row, __gap: arg__gap, true: argtrue })),
    ).toEqual(rest.data)
    const filtered = await ask(
      '{ odd_Paid_list(where: { value_gte: false, value_gte_: "5", tokenID_lt: 1 }) { items { logIndex } } }',
    )
    expect(filtered.odd_Paid_list?.items).toEqual([{ logIndex: 0 }])
  })

  it('comes in pages that end early where its rows are large: every row once, both ways, over REST too', async () => {
    const { ask, url } = await door()
    const rows = 12
    const memo = 'ü'.repeat(200_000)
    for (let at = 0; at < rows; at++)
      await world.insert('odd_Paid', [
        {
          id: `7-9-${at}`,
          chainId: 7,
          blockNumber: 9n,
          logIndex: at,
          memo: at === 5 ? memo.repeat(6) : memo,
        },
      ])
    const expected = Array.from({ length: rows }, (_, at) => rows - 1 - at)
    const query = `query ($a: String, $b: String) { odd_Paid_list(limit: 1000, after: $a, before: $b) {
      items { logIndex memo } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
    const forth: number[][] = []
    let page: Page = none
    do {
      page = (await ask(query, { a: page.pageInfo.endCursor })).odd_Paid_list ?? none
      forth.push(page.items.map(({ logIndex }) => Number(logIndex)))
      const bytes = page.items.reduce((sum, row) => sum + Buffer.byteLength(String(row.memo)), 0)
      expect(bytes <= MOST_BYTES || page.items.length === 1, `${bytes}`).toBe(true)
    } while (page.pageInfo.hasNextPage)
    expect(forth.flat()).toEqual(expected)
    expect(forth).toContainEqual([5])
    const back: number[] = forth.at(-1)?.slice(-1) ?? []
    do {
      page = (await ask(query, { b: page.pageInfo.startCursor })).odd_Paid_list ?? none
      back.unshift(...page.items.map(({ logIndex }) => Number(logIndex)))
    } while (page.pageInfo.hasPreviousPage)
    // The first page began at the newest of the last one that was read forth.
    expect(back).toEqual(expected.filter((at) => !forth.at(-1)?.slice(0, -1).includes(at)))
    const rest: number[][] = []
    let cursor: string | null = ''
    do {
      const { data, nextCursor } = (await (
        await fetch(`${url}/v1/index/odd/Paid?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`)
      ).json()) as { data: { logIndex: number }[]; nextCursor: string | null }
      rest.push(data.map(({ logIndex }) => logIndex))
      cursor = nextCursor
    } while (cursor !== null)
    expect(rest).toEqual(forth)
  }, 30_000)

  it('is described: every table, and every field', async () => {
    const { ask, url } = await door()
    const told = await ask(getIntrospectionQuery())
    const client = buildClientSchema(told as never)
    const sdl = await (await fetch(`${url}/v1/graphql/schema`)).text()
    expect(printSchema(client)).toBe(sdl)
    const fields = client.getQueryType()?.getFields() ?? {}
    for (const table of Object.keys(indexTables))
      expect(Object.keys(fields)).toEqual(expect.arrayContaining([table, `${table}s`]))
    expect(client.getMutationType() ?? null).toBeNull()
    expect(client.getSubscriptionType() ?? null).toBeNull()
    for (const [name, type] of Object.entries(client.getTypeMap())) {
      if (name.startsWith('__') || !('getFields' in type)) continue
      for (const field of Object.values(type.getFields()))
        expect(field.description, `${name}.${field.name}`).toBeTruthy()
    }
  })
})

describe('GraphQL over HTTP', () => {
  it('answers in the wanted media type, and with the status that it has there', async () => {
    const { post, url } = await door()
    const wanted = (accept: string, query: string) => post({ query }, { accept })
    expect(await wanted(OWN, '{ __typename }')).toMatchObject({ status: 200, type: `${OWN}; charset=utf-8` })
    expect(await wanted('*/*', '{ nothing }')).toMatchObject({ status: 400, type: `${OWN}; charset=utf-8` })
    expect(await wanted('application/json', '{ nothing }')).toMatchObject({
      status: 200,
      type: 'application/json; charset=utf-8',
    })
    expect(await wanted(`application/json;q=0.5, ${OWN}`, '{')).toMatchObject({ status: 400 })
    expect(await wanted('application/json, */*;q=0.1', '{')).toMatchObject({ status: 200 })
    expect(await wanted('text/html', '{ __typename }')).toMatchObject({ status: 406 })
    expect((await post('{', {})).status).toBe(400)
    expect((await post('NONSENSE', { accept: 'application/json' })).status).toBe(400)
    expect((await post({ qeury: '{ __typename }' }, { accept: 'application/json' })).status).toBe(400)
    expect(
      (await post({ query: '{ __typename }', variables: [7] }, { accept: 'application/json' })).status,
    ).toBe(400)
    expect((await post({ query: '{ __typename }' }, { 'content-type': 'text/plain' })).status).toBe(415)
    expect(
      (await post({ query: '{ __typename }' }, { 'content-type': 'application/json; charset=latin1' }))
        .status,
    ).toBe(415)
    const answer = await fetch(`${url}/v1/graphql`, { method: 'PUT' })
    expect(answer.status).toBe(405)
  })

  it('takes queries by GET, with variables', async () => {
    const { url } = await door()
    const get = async (given: Record<string, string>) =>
      answerOf(await fetch(`${url}/v1/graphql?${new URLSearchParams(given)}`))
    const query = 'query A($n: Int) { poolSwaps(limit: $n) { items { id } } } query B { __typename }'
    expect((await get({ query, operationName: 'B' })).body.data).toEqual({ __typename: 'Query' })
    expect((await get({ query, operationName: 'A', variables: '{"n":1}' })).status).toBe(200)
    expect((await get({ query, operationName: 'A', variables: '{"n":' })).status).toBe(400)
    expect((await get({ query })).body.errors?.[0]?.extensions.code).toBe('GRAPHQL_INVALID')
    expect((await get({})).body.errors?.[0]?.extensions.code).toBe('GRAPHQL_BAD_REQUEST')
    expect((await get({ query: '{ __typename }', limit: '1' })).body.errors?.[0]?.extensions.code).toBe(
      'HTTP_INVALID_REQUEST',
    )
    expect((await get({ query: 'mutation { drop }' })).status).toBe(400)
  })
})

describe('hostile requests', () => {
  const list = (more = '') => `poolSwaps${more} { items { id } }`
  it.each([
    ['a batch', [{ query: '{ __typename }' }], 'GRAPHQL_BATCH_REFUSED'],
    ['a long text', { query: `{ __typename ${' '.repeat(limits.query)} }` }, 'GRAPHQL_TOO_COMPLEX'],
    ['many tokens', { query: `{ ${'a '.repeat(limits.tokens)} }` }, 'GRAPHQL_TOO_COMPLEX'],
    [
      '10,000 aliases',
      { query: `{ ${Array.from({ length: 10_000 }, (_, i) => `a${i}:f`).join(' ')} }`.slice(0, 19_998) },
      'GRAPHQL_TOO_COMPLEX',
    ],
    [
      'some aliases too many',
      { query: `{ poolSwaps { items { ${Array.from({ length: 31 }, (_, i) => `a${i}: id`).join(' ')} } } }` },
      'GRAPHQL_TOO_COMPLEX',
    ],
    ['deep selections', { query: `${'{ a '.repeat(600)}${'}'.repeat(600)}` }, 'GRAPHQL_TOO_COMPLEX'],
    ['deep inline fragments', { query: `{ ${'... { '.repeat(490)} __typename ${'}'.repeat(490)} }` }, null],
    [
      'deep values',
      { query: `{ poolSwaps(where: { id_in: ${'['.repeat(900)}${']'.repeat(900)} }) { items { id } } }` },
      'GRAPHQL_INVALID',
    ],
    ['fields again and again', { query: `{ ${'__typename '.repeat(399)} }` }, 'GRAPHQL_TOO_COMPLEX'],
    ['one field again and again', { query: `{ poolSwaps { items { ${'id '.repeat(198)} } } }` }, null],
    [
      'a fragment in itself',
      { query: '{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }' },
      'GRAPHQL_INVALID',
    ],
    [
      'a fragment bomb',
      {
        query: `{ ...f0 } ${Array.from({ length: 30 }, (_, i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`).join(' ')} fragment f30 on Query { __typename }`,
      },
      null,
    ],
    [
      'many lists',
      { query: `{ ${Array.from({ length: 21 }, (_, i) => `a${i}: ${list()}`).join(' ')} }` },
      'GRAPHQL_TOO_COMPLEX',
    ],
    [
      'many rows',
      { query: `{ ${Array.from({ length: 6 }, (_, i) => `a${i}: ${list('(limit: 1000)')}`).join(' ')} }` },
      'GRAPHQL_TOO_COMPLEX',
    ],
    [
      'many fields of many rows',
      {
        query: `{ odd_Paid_list(limit: 1000) { ${'abc'.split('').map((i) => `${i}: items { ...all }`)} } }
          fragment all on odd_Paid { id chainId blockNumber blockHash logIndex transactionHash timestamp address
            to value value_gte arg__gap memo list }`,
      },
      'GRAPHQL_TOO_COMPLEX',
    ],
    [
      'many rows by a variable',
      {
        query: `query ($n: Int = 1) { ${Array.from({ length: 6 }, (_, i) => `a${i}: ${list('(limit: $n)')}`).join(' ')} }`,
        variables: { n: 1000 },
      },
      'GRAPHQL_TOO_COMPLEX',
    ],
    [
      'introspection in circles',
      { query: '{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }' },
      'GRAPHQL_TOO_COMPLEX',
    ],
    [
      'introspection again and again',
      {
        query:
          '{ a: __schema { types { name } } b: __schema { types { name } } c: __schema { types { name } } d: __schema { types { name } } }',
      },
      'GRAPHQL_TOO_COMPLEX',
    ],
    [
      'huge variables',
      { query: '{ __typename }', variables: { a: 'x'.repeat(limits.variables) } },
      'GRAPHQL_TOO_COMPLEX',
    ],
    [
      'deep variables',
      `{"query":"{ __typename }","variables":{"a":${'['.repeat(90_000)}${']'.repeat(90_000)}}}`,
      'GRAPHQL_TOO_COMPLEX',
    ],
    [
      'a huge body',
      { query: '{ __typename }', variables: { a: 'x'.repeat(300_000) } },
      'HTTP_BODY_TOO_LARGE',
    ],
    [
      'a prototype',
      '{"query":"{ poolSwaps(where: {}) { items { id } } }","variables":{"__proto__":{"x":1},"constructor":1}}',
      null,
    ],
    ['a mutation', { query: 'mutation { __typename }' }, 'GRAPHQL_INVALID'],
    ['a subscription', { query: 'subscription { __typename }' }, 'GRAPHQL_INVALID'],
    ['unknown fields', { query: '{ poolSwaps { items { password } } }' }, 'GRAPHQL_INVALID'],
    [
      'an unknown column',
      { query: '{ poolSwaps(where: { "id\\"; DROP": 1 }) { items { id } } }' },
      'GRAPHQL_SYNTAX',
    ],
    [
      'an unknown operator',
      { query: '{ poolSwaps(where: { id_like: "%" }) { items { id } } }' },
      'GRAPHQL_INVALID',
    ],
    ['limit 0', { query: `{ ${list('(limit: 0)')} }` }, 'GRAPHQL_BAD_INPUT'],
    ['limit -1', { query: `{ ${list('(limit: -1)')} }` }, 'GRAPHQL_BAD_INPUT'],
    ['limit 1e9', { query: `{ ${list('(limit: 1000000000)')} }` }, 'GRAPHQL_BAD_INPUT'],
    ['limit 1e30', { query: `{ ${list('(limit: 1000000000000000000000000000000)')} }` }, 'GRAPHQL_INVALID'],
    [
      'limit of another type',
      { query: `query ($n: Int) { ${list('(limit: $n)')} }`, variables: { n: '5' } },
      'GRAPHQL_BAD_INPUT',
    ],
    ['a cursor of nothing', { query: `{ ${list('(after: "%%%")')} }` }, 'GRAPHQL_BAD_CURSOR'],
    ['an empty cursor', { query: `{ ${list('(after: "")')} }` }, 'GRAPHQL_BAD_CURSOR'],
    [
      'a cursor of another order',
      {
        query: `{ ${list(`(after: "${Buffer.from('["desc",["amount0In"],["1"]]').toString('base64url')}")`)} }`,
      },
      'GRAPHQL_BAD_CURSOR',
    ],
    [
      'a cursor with SQL',
      {
        query: `{ ${list(`(after: "${Buffer.from(`["desc",["chainId","blockNumber","logIndex"],["1","1) OR 1=1","1"]]`).toString('base64url')}")`)} }`,
      },
      'GRAPHQL_BAD_CURSOR',
    ],
    ['both cursors', { query: `{ ${list('(after: "a", before: "b")')} }` }, 'GRAPHQL_BAD_INPUT'],
    [
      'a null in a filter',
      { query: `query ($c: SafeInt) { ${list('(where: { chainId: $c })')} }`, variables: { c: null } },
      'GRAPHQL_BAD_INPUT',
    ],
    [
      'no value for a filter',
      { query: `query ($c: SafeInt) { ${list('(where: { chainId: $c })')} }`, variables: {} },
      null,
    ],
    [
      'nulls for the rest',
      {
        query: `query ($a: String) { ${list('(after: $a, before: null, limit: null, orderBy: null, where: null)')} }`,
        variables: { a: null },
      },
      null,
    ],
    [
      'a NUL',
      { query: `query ($i: Text!) { poolSwap(id: $i) { id } }`, variables: { i: 'a\0b' } },
      'GRAPHQL_BAD_INPUT',
    ],
    ['a NUL in the text', { query: '{ poolSwap(id: "\\u0000") { id } }' }, 'GRAPHQL_INVALID'],
    ['a NUL in the query', { query: '{ \0 }' }, 'GRAPHQL_SYNTAX'],
    ['a lone surrogate', { query: '{ poolSwap(id: "\\uD800") { id } }' }, 'GRAPHQL_SYNTAX'],
    ['SQL in a value', { query: '{ poolSwap(id: "\'; DROP TABLE views.pool_swap; --") { id } }' }, null],
    ['SQL in hex', { query: `{ ${list('(where: { pool: "0x\' OR 1=1" })')} }` }, 'GRAPHQL_INVALID'],
    ['a fraction', { query: `{ ${list('(where: { blockNumber: 1.5 })')} }` }, 'GRAPHQL_INVALID'],
    [
      'an inexact number',
      { query: `query ($b: BigInt) { ${list('(where: { blockNumber: $b })')} }`, variables: { b: 1e30 } },
      'GRAPHQL_BAD_INPUT',
    ],
    [
      'more than 256 bits',
      { query: `{ ${list(`(where: { blockNumber: "${'9'.repeat(200)}" })`)} }` },
      'GRAPHQL_INVALID',
    ],
    [
      'a long list of values',
      {
        query: `query ($i: [Text!]) { ${list('(where: { id_in: $i })')} }`,
        variables: { i: Array.from({ length: 101 }, String) },
      },
      'GRAPHQL_BAD_INPUT',
    ],
    ['an order by what has none', { query: `{ ${list('(orderBy: pool)')} }` }, 'GRAPHQL_INVALID'],
  ])('%s', async (_what, body, code) => {
    const { post } = await door()
    const began = performance.now()
    const { body: answer } = await post(body)
    const [error] = answer.errors ?? []
    expect(error?.extensions.code ?? null, error?.message).toBe(code)
    // Nothing hostile keeps the node busy.
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(JSON.stringify(answer)).not.toMatch(/SELECT|node_modules|postgres:/)
  })

  it('of many rows are answered turn by turn: everything else gets its own between', async () => {
    const shapes = world.pages.shapes()
    const { columns = [] } = shapes.find(({ name }) => name === 'odd_Paid') ?? {}
    const given = { int: 1, bigint: 1n, text: 'a', hex: hexOf('ab'), bool: true, json: [] }
    const row = Object.fromEntries(columns.map(({ name, kind }) => [name, given[kind]]))
    const rows = Array.from({ length: 1_000 }, () => row)
    // Nothing is waited for but the turns.
    const pages = { shapes: () => shapes, page: async () => ({ rows, isCut: false }) }
    const api = graphqlApi({
      ...world,
      pages,
      index: { freshness: async () => freshness },
      clock: systemClock,
    })
    let turns = 0
    let handle = setImmediate(function count() {
      turns++
      handle = setImmediate(count)
    })
    const query = '{ odd_Paid_list(limit: 1000) { items { id chainId address to value memo list } } }'
    const all = await Promise.all([api.execute({ query }, 'a'), api.execute({ query }, 'b')])
    clearImmediate(handle)
    for (const { body } of all)
      expect((body.data as Record<string, Page>).odd_Paid_list?.items).toHaveLength(1_000)
    expect(turns).toBeGreaterThanOrEqual((2 * 1_000 * 7) / limits.valuesAtOnce)
  })

  it('on how fresh the index is are answered from one reading a second', async () => {
    let at = 0
    let readings = 0
    const index = {
      freshness: async () => {
        readings++
        return freshness
      },
    }
    const api = graphqlApi({ ...world, index, clock: { ...systemClock, monotonic: () => at } })
    const ask = () => api.execute({ query: '{ _meta { chains { chainId } } }' }, 'a')
    const expected = { outcome: 'answered', body: { data: { _meta: { chains: [{ chainId: 7 }] } } } }
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([expected, expected, expected])
    expect(await ask()).toEqual(expected)
    expect(readings).toBe(1)
    at = limits.metaMs
    await ask()
    expect(readings).toBe(2)
  })

  it('on how fresh the index is wait no longer than others', async () => {
    const index = { freshness: () => new Promise<never>(() => {}) }
    const api = graphqlApi({ ...world, index, clock: instantClock() })
    const { body } = await api.execute({ query: '{ _meta { chains { chainId } } }' }, 'a')
    expect(body.errors?.map(({ extensions }) => extensions.code)).toEqual(['GRAPHQL_TIMEOUT'])
  })

  it('leave the tables as they were', async () => {
    const { rows } = await world.pool.query(`SELECT count(*) FROM ${VIEWS}.pool_swap`)
    expect(rows).toHaveLength(1)
  })

  it('a slow look through all rows is cut off; the other fields are answered, and the node goes on', async () => {
    const { post, ask } = await door()
    // A view stands in for a table with too many rows: whoever reads it waits.
    await world.pool.query(`ALTER TABLE ${VIEWS}.model RENAME TO model_kept`)
    await world.pool.query(
      `CREATE VIEW ${VIEWS}.model AS SELECT m.* FROM pg_sleep(30) LEFT JOIN ${VIEWS}.model_kept m ON true`,
    )
    try {
      const { status, body } = await post({ query: '{ models { items { id } } poolSwaps { items { id } } }' })
      expect(status).toBe(200)
      expect(body.data).toMatchObject({ models: null, poolSwaps: { items: [] } })
      expect(body.errors).toMatchObject([{ path: ['models'], extensions: { code: 'INDEX_TOO_SLOW' } }])
    } finally {
      await world.pool.query(`DROP VIEW ${VIEWS}.model`)
      await world.pool.query(`ALTER TABLE ${VIEWS}.model_kept RENAME TO model`)
    }
    expect(await ask('{ models { items { id } } }')).toEqual({ models: { items: [] } })
  }, 30_000)

  it('a build that takes over between two pages of a list changes nothing for who goes on', async () => {
    const { ask } = await door()
    await world.pool.query(`TRUNCATE ${VIEWS}.pool_swap`)
    await world.insert(
      'poolSwap',
      [1, 2, 3].map((block) => swap(block, 0)),
    )
    const first = await ask('{ poolSwaps(limit: 1) { items { id } pageInfo { endCursor } } }')
    // As the views move: other tables under the same names, in one transaction.
    await world.pool.query(
      `BEGIN; CREATE TABLE ${VIEWS}.other AS TABLE ${VIEWS}.pool_swap; ALTER TABLE ${VIEWS}.pool_swap RENAME TO kept;
       CREATE VIEW ${VIEWS}.pool_swap AS TABLE ${VIEWS}.other; COMMIT`,
    )
    try {
      const { poolSwaps = none } = await ask('query ($a: String) { poolSwaps(after: $a) { items { id } } }', {
        a: first.poolSwaps?.pageInfo.endCursor,
      })
      expect(poolSwaps.items).toEqual([{ id: '7-2-0' }, { id: '7-1-0' }])
    } finally {
      await world.pool.query(
        `BEGIN; DROP VIEW ${VIEWS}.pool_swap; DROP TABLE ${VIEWS}.other; ALTER TABLE ${VIEWS}.kept RENAME TO pool_swap; COMMIT`,
      )
    }
  })

  it('while a build has no such table, the field says so and nothing else', async () => {
    const { post } = await door()
    await world.pool.query(`ALTER TABLE ${VIEWS}.model RENAME TO model_kept`)
    try {
      const { body } = await post({ query: '{ models { items { id } } __typename }' })
      expect(body.data).toEqual({ models: null, __typename: 'Query' })
      expect(body.errors).toMatchObject([{ extensions: { code: 'INDEX_UNAVAILABLE' } }])
    } finally {
      await world.pool.query(`ALTER TABLE ${VIEWS}.model_kept RENAME TO model`)
    }
  })

  it('too many at once are told to come again, and all others are answered', async () => {
    const { post } = await door()
    const holder = await world.pool.connect()
    await holder.query(`BEGIN; LOCK TABLE ${VIEWS}.model`)
    const room = limits.running + limits.waiting
    const asked = Array.from({ length: room + 20 }, () =>
      post({ query: '{ models(limit: 1) { items { id } } }' }),
    )
    // Whoever finds no place is told at once, while all others wait.
    await Promise.any(asked)
    await holder.query('COMMIT')
    holder.release()
    const all = await Promise.all(asked)
    expect(all.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(room)
    expect(all.filter(({ status }) => status === 503).length).toBeGreaterThan(0)
    for (const { status, body } of all)
      if (status !== 200) expect(body.errors?.[0]?.extensions.code).toBe('GRAPHQL_BUSY')
  }, 20_000)
})
