import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inTransaction } from '../../../node/adapters/ponder/transaction.ts'
import { type Postgres, startPostgres } from './fixture.ts'

let postgres: Postgres
let pool: pg.Pool
beforeAll(async () => {
  postgres = await startPostgres()
  pool = new pg.Pool({ connectionString: postgres.url, max: 2 })
  // As the supervisor of builds has it: of those that nobody uses.
  pool.on('error', () => {})
}, 60_000)
afterAll(async () => {
  await pool?.end()
  await postgres?.stop()
})

// The driver tells of it by an event, and a process ends of one that nobody hears.
it('a connection that breaks between two statements is a rejection, and the next one works', {
  timeout: 20_000,
}, async () => {
  const broken = inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    // Not by `once` of node:events, which hears of errors too.
    const ended = new Promise<void>((resolve) => client.once('end', resolve))
    await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    await ended
    await client.query('select 1')
  })
  await expect(broken).rejects.toThrow()
  const read = (client: pg.PoolClient) => client.query<{ one: number }>('select 1 as one')
  expect((await inTransaction(pool, read)).rows).toEqual([{ one: 1 }])
})
