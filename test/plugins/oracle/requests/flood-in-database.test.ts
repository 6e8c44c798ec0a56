import { hexToBytes } from 'viem'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../../../node/adapters/clock/system.ts'
import { ponderIndexReader } from '../../../../node/adapters/ponder/index-reader.ts'
import type { IndexQuery } from '../../../../node/ports/index-reader.ts'
import { inputWatch } from '../../../../plugins/oracle/requests/input-watch.ts'
import { type Postgres, startPostgres, testPool } from '../../../adapters/ponder/fixture.ts'
import { recordingLogger, recordingMetrics } from '../../../adapters/ponder/recorders.ts'
import { HOME, ORIGIN } from '../kit.ts'
import { flood, insertRequest, makeRequests, rowsRead } from './flood-rows.ts'
import { gave, INPUT, ORACLE, requestContext, requestRow } from './kit.ts'
import { ids, validatorOver } from './validator.ts'

let postgres: Postgres
let pool: ReturnType<typeof testPool>

beforeAll(async () => {
  postgres = await startPostgres()
  pool = testPool({ connectionString: postgres.url, max: 8 })
  await makeRequests(pool, { id: HOME, block: 19n, timestamp: ORIGIN + 190 })
})
afterEach(() => pool.query('TRUNCATE views.inference_request'))
afterAll(async () => {
  await pool?.end()
  await postgres?.stop()
})

const inDatabase = (chain: Parameters<typeof ponderIndexReader>[1]['chain']) =>
  ponderIndexReader(
    { viewsSchema: 'views', headPollMs: 1_000 },
    { pool, chain, clock: systemClock, log: recordingLogger(), metrics: recordingMetrics() },
  )

it('later requests are in the next round, whatever nobody delivers and nobody can answer', async () => {
  const { duty, query, contents, inference } = validatorOver(inDatabase)
  // By hash, of as many accounts; and by value, at the bound of what a contract takes.
  await flood(pool, { count: 10_000, block: 2, input: null })
  await flood(pool, { count: 2_000, block: 3, input: 4_096, callbackGasLimit: 1_000_000 })
  const later = { blockNumber: 17n, callbackGasLimit: 0 }
  await insertRequest(pool, requestRow(20_001, { ...later, requester: `0x${'c4'.repeat(20)}` }))
  await insertRequest(
    pool,
    requestRow(20_002, {
      ...{ ...later, requester: `0x${'c5'.repeat(20)}`, input: '0x' },
      inputLength: hexToBytes(INPUT).length,
    }),
  )
  await contents.put(hexToBytes(INPUT), { keepMs: 1 })
  inference.answer([42n])
  const found = await query()
  expect(ids(found)).toEqual(expect.arrayContaining([20_001, 20_002]))
  const { results } = await duty.observe(requestContext(), found, null)
  expect(results).toContainEqual(gave(42))
})

it('what nobody answered in time, and nobody had refunded, is not read to find what waits', async () => {
  const asked: IndexQuery<'inferenceRequest'>[] = []
  const { duty, index, inference, inputs, contents } = validatorOver((chain) => {
    const reader = inDatabase(chain)
    return {
      ...reader,
      select(query) {
        if (query.table === 'inferenceRequest') asked.push(query as never)
        return reader.select(query)
      },
    }
  })
  await flood(pool, { count: 20_000, block: 2, input: null, deadline: ORIGIN - 1 })
  await insertRequest(pool, requestRow(20_001, { blockNumber: 17n }))
  await contents.put(hexToBytes(INPUT), { keepMs: 1 })
  await duty.query(requestContext(), null)
  const clock = { ...systemClock, now: () => ORIGIN * 1_000 }
  const watch = inputWatch([{ chainId: HOME, address: ORACLE }], {
    ...{ index, inference, inputs, clock, log: recordingLogger() },
  })
  await watch.start()
  await watch.stop()
  const read = await Promise.all(asked.map((query) => rowsRead(pool, query)))
  expect(read.length).toBeGreaterThan(5)
  expect(read.reduce((sum, rows) => sum + rows)).toBeLessThan(100)
})
