import { expect, it } from 'vitest'
import type { Network } from '../kit/network.ts'
import { keptRounds } from '../kit/stores.ts'

/** After all that was done to them. */
export function agreement(net: Network): void {
  it('no two validators ever attested different outcomes or reports for one round', async () => {
    const kept = await keptRounds(net)
    const first = new Map(kept.map((each) => [each.slot, each]))
    for (const each of kept) {
      const { outcome, reports } = first.get(each.slot) ?? each
      expect({ ...each, outcome, reports }).toEqual(each)
    }
    expect(new Set(kept.map(({ validator }) => validator)).size).toBe(net.description.api.length)
    expect(first.size).toBeGreaterThan(10)
  })
}
