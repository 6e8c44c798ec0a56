import { expect, it } from 'vitest'
import { moreRounds } from '../kit/chain.ts'
import type { Fleet } from '../kit/fleet.ts'
import { isReady } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { until } from '../kit/until.ts'
import { PRICE } from '../kit/validator.ts'

/** As many as may fail, all at once: the last ones. */
export function fAreKilled(net: Network, fleet: Fleet): void {
  const victims = () => fleet.indices.slice(-fleet.f)

  it('goes on while f validators are dead', async () => {
    await fleet.kill(victims())
    await moreRounds(net, PRICE, 3)
    const ready = await Promise.all(fleet.indices.map((index) => isReady(fleet.api(index))))
    expect(ready).toEqual(fleet.indices.map((index) => !victims().includes(index)))
  })

  it('takes them back', async () => {
    await fleet.start(Object.fromEntries(victims().map((index) => [index, 'honest' as const])))
    // Whether a slow one is among the 2f+1 that a leader waits for is another matter.
    const seqNr = async (index: number) => Number((await fleet.duty(index)).seqNr)
    const now = await seqNr(0)
    for (const index of victims())
      await until(`validator ${index} agrees along`, async () => (await seqNr(index)) > now + 3, {
        withinMs: 60_000,
      })
  })
}
