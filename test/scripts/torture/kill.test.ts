import { afterAll, beforeAll, expect, it } from 'vitest'
import { killStorm } from '../../../scripts/torture/kill/storm.ts'
import { type Postgres, startPostgres } from '../../adapters/ponder/fixture.ts'

// The same storm as `npm run torture`, a few quick rounds of it. It audits itself, and rejects with what differs.
let postgres: Postgres
beforeAll(async () => {
  postgres = await startPostgres()
}, 60_000)
afterAll(() => postgres?.stop())

it('finds nothing lost and nothing done twice after a storm of kills', { timeout: 600_000 }, async () => {
  const { events, counts } = await killStorm({
    ...{ from: 2, rounds: 5, server: postgres.url },
    ...{ patience: 0, impatienceMs: 2_500 },
  })
  expect(events).toBeGreaterThan(10)
  expect(counts.starts).toBeGreaterThan(2)
})
