import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faultStorm } from '../../scripts/torture/fault/storm.ts'
import { killStorm } from '../../scripts/torture/kill/storm.ts'
import { reorgStorm } from '../../scripts/torture/reorg/storm.ts'
import { type Postgres, startPostgres } from '../adapters/ponder/fixture.ts'
import { describeWith } from '../installed.ts'

// The same storms as `npm run torture`, a few quick rounds of them. Each audits itself, and rejects with what differs.
let postgres: Postgres
beforeAll(async () => {
  postgres = await startPostgres()
}, 60_000)
afterAll(() => postgres?.stop())

describe('the torture', { timeout: 600_000 }, () => {
  it('finds no difference after a storm of reorganisations', async () => {
    const { events, counts } = await reorgStorm({ seed: 3, server: postgres.url, steps: 40 })
    expect(events).toBeGreaterThan(50)
    expect(counts.reorganisations).toBeGreaterThan(5)
    expect(counts['told again']).toBeGreaterThan(0)
  })

  it('finds nothing lost and nothing done twice after a storm of kills', async () => {
    const { events, counts } = await killStorm({
      ...{ from: 2, rounds: 5, server: postgres.url },
      ...{ patience: 0, impatienceMs: 2_500 },
    })
    expect(events).toBeGreaterThan(10)
    expect(counts.starts).toBeGreaterThan(2)
  })
})

describeWith('faketime', 'surroundings that fail', () => {
  it('are told of, got over, and lose nothing', { timeout: 600_000 }, async () => {
    const { events, counts } = await faultStorm({ seed: 1, server: postgres.url, awayMs: 3_000 })
    expect(events).toBeGreaterThan(50)
    // The full disk is left out where nobody may mount one.
    for (const fault of ['refusing', 'silent', 'clock']) expect(counts).toHaveProperty(`s after ${fault}`)
  })
})
