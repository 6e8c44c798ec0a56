import { hexToBytes } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../../../node/adapters/clock/system.ts'
import { ponderIndexReader } from '../../../../node/adapters/ponder/index-reader.ts'
import { type Postgres, startPostgres, testPool } from '../../../adapters/ponder/fixture.ts'
import { recordingLogger, recordingMetrics } from '../../../adapters/ponder/recorders.ts'
import { HOME, ORIGIN } from '../kit.ts'
import { flood, insertRequest, makeRequests } from './flood-rows.ts'
import { gave, INPUT, requestContext, requestRow } from './kit.ts'
import { ids, validatorOver } from './validator.ts'

let postgres: Postgres
let pool: ReturnType<typeof testPool>

beforeAll(async () => {
  postgres = await startPostgres()
  pool = testPool({ connectionString: postgres.url, max: 8 })
  await makeRequests(pool, { id: HOME, block: 19n, timestamp: ORIGIN + 190 })
})
afterAll(async () => {
  await pool?.end()
  await postgres?.stop()
})

it('later requests are in the next round, whatever nobody delivers and nobody can answer', async () => {
  const { duty, query, contents, inference } = validatorOver((chain) =>
    ponderIndexReader(
      { viewsSchema: 'views', headPollMs: 1_000 },
      { pool, chain, clock: systemClock, log: recordingLogger(), metrics: recordingMetrics() },
    ),
  )
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
