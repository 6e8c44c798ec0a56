import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Fleet } from '../kit/fleet.ts'
import { get, offences } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { iyi } from '../kit/program.ts'
import { keptRounds } from '../kit/stores.ts'

/** After all that was done to them; the last f validators are those that lied. */
export function agreement(net: Network, fleet: Fleet): void {
  it('no two validators ever attested different outcomes or reports for one round', async () => {
    const kept = await keptRounds(net)
    const first = new Map(kept.map((each) => [each.slot, each]))
    const seen = new Map<string, string>()
    for (const { slot, outcome, reports } of kept) {
      expect({ slot, outcome }).toEqual({ slot, outcome: first.get(slot)?.outcome })
      for (const [index, payload] of reports) {
        const place = `${slot}/${index}`
        expect({ place, payload }).toEqual({ place, payload: seen.get(place) ?? payload })
        seen.set(place, payload)
      }
    }
    expect(new Set(kept.map(({ validator }) => validator)).size).toBe(fleet.indices.length)
    expect(first.size).toBeGreaterThan(10)
  })

  it('nobody holds anything against an honest validator', async () => {
    const honest = fleet.indices.slice(0, -fleet.f)
    for (const witness of honest)
      for (const oracle of honest) expect(await offences(fleet.api(witness), { oracle })).toEqual([])
  })
}

/** What the honest hold against an equivocator convicts it, whoever looks. */
export function conviction(net: Network, fleet: Fleet): void {
  it('and anybody can check the evidence offline', async () => {
    const path = join(net.dir, 'evidence.json')
    const answer = await get<{ data: unknown[] }>(
      `${fleet.api(0)}/v1/quorum/evidence?offence=equivocation&limit=100`,
    )
    expect(answer.data.length).toBeGreaterThan(0)
    writeFileSync(path, JSON.stringify(answer))
    const verify = iyi(['evidence', 'verify', path])
    net.onDispose(() => verify.destroy())
    expect((await verify.ended(30_000)).code, verify.stderr()).toBe(0)
    expect(verify.stdout().match(/proven/g)).toHaveLength(answer.data.length)
  })
}
