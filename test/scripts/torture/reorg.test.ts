import { afterAll, beforeAll, expect, it } from 'vitest'
import { reorgStorm } from '../../../scripts/torture/reorg/storm.ts'
import { type Postgres, startPostgres } from '../../adapters/ponder/fixture.ts'

// The same storm as `npm run torture`, a quick round of it. It audits itself, and rejects with what differs.
let postgres: Postgres
beforeAll(async () => {
  postgres = await startPostgres()
}, 60_000)
afterAll(() => postgres?.stop())

it('finds no difference after a storm of reorganisations', { timeout: 600_000 }, async () => {
  const { events, counts } = await reorgStorm({ seed: 3, server: postgres.url, steps: 40 })
  expect(events).toBeGreaterThan(50)
  expect(counts.reorganisations).toBeGreaterThan(5)
  expect(counts['told again']).toBeGreaterThan(0)
})
