import { afterAll, beforeAll, expect, it } from 'vitest'
import { faultStorm } from '../../../scripts/torture/fault/storm.ts'
import { type Postgres, startPostgres } from '../../adapters/ponder/fixture.ts'
import { describeWith } from '../../installed.ts'

// The same storm as `npm run torture`, a quick round of it. It audits itself, and rejects with what differs.
describeWith('faketime', 'surroundings that fail', () => {
  let postgres: Postgres
  beforeAll(async () => {
    postgres = await startPostgres()
  }, 60_000)
  afterAll(() => postgres?.stop())

  it('are told of, got over, and lose nothing', { timeout: 600_000 }, async () => {
    const { events, counts } = await faultStorm({ seed: 1, server: postgres.url, awayMs: 3_000 })
    expect(events).toBeGreaterThan(50)
    // The full disk is left out where nobody may mount one.
    for (const fault of ['refusing', 'silent', 'clock']) expect(counts).toHaveProperty(`s after ${fault}`)
  })
})
