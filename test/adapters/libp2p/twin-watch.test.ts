import { expect, it } from 'vitest'
import { TwinWatch } from '../../../node/adapters/libp2p/twin-watch.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

it('tells of a peer that comes from two places in turn, once an hour', () => {
  const watch = new TwinWatch()
  const told: (readonly string[])[] = []
  for (let at = 0; at < 90 * MINUTE; at += 15 * SECOND) {
    const hosts = watch.connected(at % (30 * SECOND) === 0 ? '10.0.0.2' : '10.0.0.1', at)
    if (hosts !== null) told.push(hosts)
  }
  expect(told).toEqual([
    ['10.0.0.1', '10.0.0.2'],
    ['10.0.0.1', '10.0.0.2'],
  ])
})

it('says nothing of one that restarts, moves, or moves back', () => {
  const watch = new TwinWatch()
  for (let at = 0; at < 60 * MINUTE; at += 5 * SECOND) expect(watch.connected('10.0.0.1', at)).toBeNull()
  expect(watch.connected('10.0.0.2', 61 * MINUTE)).toBeNull()
  expect(watch.connected('10.0.0.1', 62 * MINUTE)).toBeNull()
  // Days later again.
  expect(watch.connected('10.0.0.2', 5_000 * MINUTE)).toBeNull()
  expect(watch.connected('10.0.0.1', 5_001 * MINUTE)).toBeNull()
})
