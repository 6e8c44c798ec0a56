import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { snakeCase } from '../../node/adapters/ponder/names.ts'
import type { Database } from '../../node/adapters/postgres/database.ts'
import { withExportSnapshot } from '../../node/adapters/postgres/export-snapshot.ts'
import { type ExportOptions, exportTable } from '../../node/compose/export.ts'
import type { ExportFormat, ExportTable } from '../../node/ports/export.ts'
import { indexTables } from '../../node/ports/index-tables.ts'
import { sqlTypes } from '../adapters/ponder/views.ts'
import { eventRow } from '../adapters/postgres/chain-events.ts'
import { moveLog } from '../adapters/postgres/notices.ts'
import { type TestPostgres, testPostgres, until } from '../adapters/postgres/support.ts'
import { minimal, parse } from '../config/config-cases.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const huge = 2n ** 256n - 1n

let postgres: TestPostgres
let database: Database
let dir = ''

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-export-'))
  postgres = await testPostgres()
  database = await postgres.database('iyi')
  const tables = Object.entries(indexTables).map(([table, columns]) => {
    const list = Object.entries(columns).map(
      ([column, kind]) => `${snakeCase(column)} ${sqlTypes[kind]} not null`,
    )
    return `create table iyi_index.${snakeCase(table)} (${list.join(', ')})`
  })
  for (const sql of [
    'create schema iyi_index',
    ...tables,
    'create table iyi_index.watermark (chain_id int8, block_number numeric(78), block_hash text, timestamp numeric(78))',
    `create table iyi_index._ponder_meta (key text, value jsonb)`,
    'create table iyi_index._ponder_checkpoint (chain_id int8, safe_checkpoint varchar(75))',
    `insert into iyi_index._ponder_checkpoint values (1, '${'0'.repeat(75)}'), (7, '${'0'.repeat(75)}')`,
    `insert into iyi_index.watermark values (1, 20, '0x', 1000), (7, 30, '0x', 1000)`,
    `create table iyi_index.custom_token_note (id text, chain_id int8, block_number numeric(78), block_hash text,
       log_index int4, transaction_hash text, timestamp numeric(78), address text, text text, number numeric(78),
       ok boolean, list json)`,
  ])
    await database.query(sql)
  for (const [chain, block] of [
    [7, 9],
    [1, 12],
    [1, 11],
  ])
    await database.query(
      `insert into iyi_index.pool_sync values ($1::text || '-' || $2, $1::bigint, '0xab', $2::bigint, 0, 1700000000, $3::numeric, 5)`,
      [chain, block, huge.toString()],
    )
})
afterAll(async () => {
  await postgres.dispose()
  await rm(dir, { recursive: true, force: true })
})

const abi = [
  {
    type: 'event',
    name: 'Note',
    inputs: [
      { name: 'text', type: 'string' },
      { name: 'number', type: 'int256' },
      { name: 'ok', type: 'bool' },
      { name: 'list', type: 'uint8[]' },
    ],
  },
]

async function run(
  options: Partial<Omit<ExportOptions, 'filter'>> & { readonly what: string; readonly format: ExportFormat },
  filter: Partial<ExportOptions['filter']> = {},
  modules: { readonly signal?: AbortSignal; readonly stdout?: Writable } = {},
) {
  await writeFile(join(dir, 'abi.json'), JSON.stringify(abi))
  const contract = { name: 'token', chainId: 1, address: `0x${'ab'.repeat(20)}`, abi: join(dir, 'abi.json') }
  const { config, source } = parse(
    { ...minimal, indexer: { contracts: [contract] } },
    { DATABASE_URL: postgres.server.url },
  )
  const out = options.out ?? join(dir, `${options.what}.${options.format}`)
  const summary = await exportTable(
    config,
    source,
    {
      ...{ force: false, ...options, out },
      filter: { chainId: null, fromBlock: null, toBlock: null, ...filter },
    },
    { signal: new AbortController().signal, stderr: process.stderr, stdout: process.stdout, ...modules },
  )
  return { ...summary, out, blocks: Object.fromEntries(summary.blocks) }
}

const parquet = async (path: string) => parquetReadObjects({ file: await asyncBufferFromFile(path) })
const text = (path: string) => readFile(path, 'utf8')

/** Fields of RFC 4180, by a parser that knows nothing else. */
function parseCsv(source: string): readonly (readonly string[])[] {
  const rows: string[][] = []
  for (let at = 0, row: string[] = []; at < source.length; ) {
    const quoted = source[at] === '"'
    const match = (quoted ? /"((?:[^"]|"")*)"(,|\r\n)/y : /([^",\r\n]*)(,|\r\n)/y) as RegExp
    match.lastIndex = at
    const found = match.exec(source)
    if (found === null) throw new TypeError(`not CSV at ${at}`)
    row.push((found[1] ?? '').replaceAll('""', '"'))
    at = match.lastIndex
    if (found[2] === ',') continue
    rows.push(row)
    row = []
  }
  return rows
}

describe('a table of the index', () => {
  it('comes in order, with types, and says up to which block it is whole', async () => {
    const done = await run({ what: 'poolSync', format: 'parquet' })
    expect(done).toMatchObject({ rows: 3, blocks: { 1: 20n, 7: 30n } })
    const rows = await parquet(done.out)
    expect(rows.map((row) => [row.chainId, row.blockNumber])).toEqual([
      [1n, 11n],
      [1n, 12n],
      [7n, 9n],
    ])
    expect(rows[0]).toMatchObject({
      pool: '0xab',
      reserve0: huge.toString(),
      timestamp: new Date(1_700_000_000_000),
      logIndex: 0n,
    })
    const { key_value_metadata: pairs } = await parquetMetadataAsync(await asyncBufferFromFile(done.out))
    expect(pairs).toContainEqual({ key: 'iyi.blocks', value: '{"1":"20","7":"30"}' })
  })

  it('is cut to a chain and to blocks', async () => {
    const done = await run(
      { what: 'poolSync', format: 'ndjson' },
      { chainId: 1, fromBlock: 12n, toBlock: 12n },
    )
    expect(done).toMatchObject({ rows: 1, blocks: { 1: 20n } })
    expect(JSON.parse(await text(done.out))).toEqual({
      ...{ id: '1-12', chainId: 1, pool: '0xab', blockNumber: '12', logIndex: 0, timestamp: '1700000000' },
      ...{ reserve0: huge.toString(), reserve1: '5' },
    })
  })

  it.each(Object.keys(indexTables))(
    'called %s can be written in every format, also without rows',
    async (what) => {
      const csv = await run({ what, format: 'csv' }, { chainId: 99 })
      expect(parseCsv(await text(csv.out))).toEqual([Object.keys(indexTables[what as 'pool'])])
      const empty = await run({ what, format: 'parquet', force: true }, { chainId: 99 })
      expect(empty.rows).toBe(0)
      expect(await parquet(empty.out)).toEqual([])
      const lines = await run({ what, format: 'ndjson', force: true }, { chainId: 99 })
      expect(await text(lines.out)).toBe('')
    },
  )
})

it("a table of a contract of the operator's own comes whole, whatever is in its texts", async () => {
  const odd = ['a,"b"\r\nc', '', '=1+1', '\u2028 ünïcode \u{1f600}', ' padded ', '\\N']
  for (const [at, note] of odd.entries())
    await database.query(
      `insert into iyi_index.custom_token_note values ($1, 1, 5, '0xb', $2, '0xc', 6, '0xd', $3, $4::numeric, true, '["1",\n"2"]')`,
      [`${at}`, at, note, (-huge / 2n).toString()],
    )
  const csv = await run({ what: 'token.Note', format: 'csv' })
  const [head = [], ...rows] = parseCsv(await text(csv.out))
  const field = (name: string) => rows.map((row) => row[head.indexOf(name)])
  expect(field('text')).toEqual(odd)
  expect(new Set(field('number'))).toEqual(new Set([(-huge / 2n).toString()]))
  expect(new Set(field('ok'))).toEqual(new Set(['true']))
  const lines = await run({ what: 'token.Note', format: 'ndjson' })
  const objects = (await text(lines.out))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(objects.map((row) => row.text)).toEqual(odd)
  expect(objects[0].list).toEqual(['1', '2'])
  const file = await run({ what: 'token.Note', format: 'parquet' })
  const read = await parquet(file.out)
  expect(read.map((row) => row.text)).toEqual(odd)
  expect(read[0]).toMatchObject({ list: ['1', '2'], ok: true, number: (-huge / 2n).toString() })
})

describe('the event log', () => {
  it('comes with the stage of each event, and with characters that PostgreSQL has not', async () => {
    const data = { note: 'nul \u0000 "quoted", two\nlines', amount: huge.toString() }
    const added = [1n, 2n, 3n].map((block) => eventRow({ block, logIndex: 0 }, 'pool.Swap', data))
    await moveLog(database, { added, confirmed: 1n })
    await moveLog(database, { reverted: [3n] })
    const file = await run({ what: 'events', format: 'parquet' })
    expect(file).toMatchObject({ rows: 3, blocks: { 1: 3n } })
    const rows = await parquet(file.out)
    expect(rows.map((row) => row.stage)).toEqual(['confirmed', 'seen', 'reverted'])
    expect(rows[0]?.data).toEqual(data)
    const lines = await run({ what: 'events', format: 'ndjson' })
    expect(JSON.parse((await text(lines.out)).split('\n')[0] ?? '').data).toEqual(data)
    const csv = parseCsv(await text((await run({ what: 'events', format: 'csv' })).out))
    expect(JSON.parse(csv[1]?.[csv[0]?.indexOf('data') ?? 0] ?? '')).toEqual(data)
  })
})

it('candles and trades come with the names of their series, without those that are gone, or not whole', async () => {
  const candle = (series: number, width: number, start: number, close: bigint) =>
    `(${series}, ${width}, ${start}, 5, ${huge}, 1, ${close}, 10, 50, 3, 7, 0, 9, 1)`
  for (const sql of [
    'insert into series_lane (chain_id, main, seq, until_seq) values (1, true, 9, 0), (1, false, 5, 0)',
    `insert into series (id, chain_id, source, definition, gone, lane) values
       ('pool-1-0xaa', 1, 'pool', '', false, (select id from series_lane where main)),
       ('in-the-making', 1, 'event', '', false, (select id from series_lane where not main)),
       ('old', 1, 'event', '', true, null)`,
    'update series_kept set since = 60 where kind in (0, 60)',
    `create table series_candle_1m_all partition of series_candle_1m for values from (0) to (1000000)`,
    `create table series_candle_1d_all partition of series_candle_1d for values from (0) to (1000000)`,
    `create table series_trade_all partition of series_trade for values from (0) to (1000000)`,
    `insert into series_candle select s.key, v.* from series s, (values ${[
      candle(0, 60, 120, 4n),
      candle(0, 60, 60, 6n),
      candle(0, 60, 0, 7n),
      candle(0, 86_400, 0, 4n),
    ]
      .map((row) => row.replace('(0, ', '('))
      .join(', ')}) v`,
    `insert into series_trade select key, t, t, 7, 0, 10, 50, 5 from series, (values (59), (61)) row (t)`,
  ])
    await database.query(sql)
  const file = await run({ what: 'candles', format: 'parquet' })
  expect(file).toMatchObject({ rows: 3, blocks: { 1: 9n } })
  const rows = await parquet(file.out)
  expect(rows.map(({ series, interval, close }) => [series, interval, close])).toEqual([
    ['pool-1-0xaa', '1m', '6'],
    ['pool-1-0xaa', '1m', '4'],
    ['pool-1-0xaa', '1d', '4'],
  ])
  expect(rows[0]).toMatchObject({ high: huge.toString(), volumeBase: '10', start: new Date(60_000) })
  const trades = parseCsv(await text((await run({ what: 'trades', format: 'csv' })).out))
  expect(trades).toHaveLength(2)
  expect(trades[1]?.[0]).toBe('pool-1-0xaa')
})

it('takes little memory, however much there is', { timeout: 180_000 }, async () => {
  await database.query(
    `insert into iyi_index.pool_swap select '2-' || n, 2, '0x' || repeat('ab', 20), n, 0, '0x' || lpad(n::text, 64, 'f'), n,
            '0x' || lpad(n::text, 40, '0'), '0x' || repeat('cd', 20), n, 0, 0, $1::numeric - n
       from generate_series(1, 200000) n`,
    [huge.toString()],
  )
  const out = join(dir, 'many.parquet')
  const child = spawn(
    process.execPath,
    [
      ...['--max-old-space-size=80', fileURLToPath(new URL('export-process.ts', import.meta.url))],
      ...['parquet', 'poolSwap', out],
    ],
    { env: { ...process.env, DATABASE_URL: postgres.server.url }, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.on('data', (part) => {
    said += part
  })
  const [code] = await once(child, 'close')
  expect([code, said]).toEqual([0, '200000\n'])
  const file = await asyncBufferFromFile(out)
  const { num_rows: count, row_groups: groups } = await parquetMetadataAsync(file)
  expect([count, groups.length]).toEqual([200_000n, 10])
  const [last] = (await parquetReadObjects({ file, rowStart: 199_999 })) ?? []
  expect(last).toMatchObject({ blockNumber: 200_000n, amount1Out: (huge - 200_000n).toString() })
})

describe('an export', () => {
  it('overwrites nothing unless it is told to, and leaves nothing behind', async () => {
    const out = join(dir, 'kept.csv')
    await writeFile(out, 'mine')
    await expect(run({ what: 'pool', format: 'csv', out })).rejects.toMatchObject({ code: 'EXPORT_EXISTS' })
    expect(await text(out)).toBe('mine')
    await run({ what: 'pool', format: 'csv', out, force: true })
    expect(await text(out)).toContain('chainId')
    await expect(run({ what: 'pool', format: 'csv', out: join(dir, 'no', 'where') })).rejects.toMatchObject({
      code: 'EXPORT_UNWRITABLE',
    })
    expect((await readdir(dir)).filter((name) => name.includes('partial'))).toEqual([])
  })

  it('of what is not there says what is', async () => {
    await expect(run({ what: 'poolSinc', format: 'csv' })).rejects.toMatchObject({
      code: 'EXPORT_UNKNOWN',
      message: expect.stringContaining('poolSync'),
    })
    await database.query('alter schema iyi_index rename to elsewhere')
    try {
      await expect(run({ what: 'pool', format: 'ndjson', force: true })).rejects.toMatchObject({
        code: 'EXPORT_NOT_YET',
      })
    } finally {
      await database.query('alter schema elsewhere rename to iyi_index')
    }
  })

  it('is of one moment, and gives way to who changes its tables', async () => {
    const held = Promise.withResolvers<void>()
    let written = ''
    const slow = new Writable({
      highWaterMark: 1,
      write: (chunk, _, done) => {
        written += String(chunk)
        void held.promise.then(() => done())
      },
    })
    const exporting = run({ what: 'poolSync', format: 'ndjson', out: '-' }, {}, { stdout: slow })
    const failed = exporting.catch((error: unknown) => error)
    await until(() => written !== '')
    // As the indexer does it to take rows back.
    await database.transaction(async (client) =>
      client.query('lock table iyi_index.pool_sync in access exclusive mode'),
    )
    held.resolve()
    expect(await failed).toMatchObject({ code: 'EXPORT_IN_THE_WAY', retry: true })
  })

  it('to a pipe that nobody reads any more fails by itself', async () => {
    const broken = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new TypeError('closed'), { code: 'EPIPE' })),
    })
    await expect(
      run({ what: 'events', format: 'csv', out: '-' }, {}, { stdout: broken }),
    ).rejects.toMatchObject({ code: 'EXPORT_UNWRITABLE' })
  })

  it('that is given up leaves nothing running in the database', async () => {
    const slow: ExportTable = {
      name: 'slow',
      columns: [{ name: 'n', type: 'int', sql: 'n' }],
      from: '(select n, pg_sleep(60) from generate_series(1, 2) n) slow',
      ...{ chain: 'n', block: 'n', order: ['n'] },
      blocks: { sql: 'select 1', read: () => null },
    }
    const stop = new AbortController()
    const filter = { chainId: null, fromBlock: null, toBlock: null }
    const exporting = withExportSnapshot(
      database,
      { table: slow, filter, signal: stop.signal },
      async (found) => {
        for await (const page of found.rows) return page
        return null
      },
    ).catch((error: unknown) => error)
    const running = async () =>
      (
        await database.query(
          `select 1 from pg_stat_activity where application_name = $1 and state <> 'idle'`,
          [`${database.applicationName} export`],
        )
      ).length
    await until(
      async () =>
        (
          await database.query(
            `select 1 from pg_stat_activity where query like 'fetch%' and state = 'active'`,
          )
        ).length === 1,
    )
    const told = new TypeError('SIGINT')
    stop.abort(told)
    expect(await exporting).toBe(told)
    await until(async () => (await running()) === 0, 5_000)
  })

  it('replaces regular files alone, also when it is told to overwrite', async () => {
    const [target, link] = [join(dir, 'linked.csv'), join(dir, 'link.csv')]
    await writeFile(target, 'mine')
    await symlink(target, link)
    const pipe = join(dir, 'pipe.csv')
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0)
    for (const out of [link, dir, pipe]) {
      for (const force of [true, false])
        await expect(run({ what: 'pool', format: 'csv', out, force })).rejects.toMatchObject({
          code: 'EXPORT_NOT_A_FILE',
        })
    }
    expect((await lstat(pipe)).isFIFO()).toBe(true)
    expect([await readlink(link), await text(target)]).toEqual([target, 'mine'])
  })

  it('ends when it is told to', async () => {
    const stop = new AbortController()
    const out = join(dir, 'stopped.csv')
    const exporting = run({ what: 'events', format: 'csv', out }, {}, { signal: stop.signal })
    stop.abort(new TypeError('SIGINT'))
    await expect(exporting).rejects.toThrow('SIGINT')
    expect((await readdir(dir)).filter((name) => name.startsWith('stopped'))).toEqual([])
  })
})
