import { describe, expect, it } from 'vitest'
import { ParticipationLog } from '../../node/quorum/participation.ts'

const log = () => new ParticipationLog(4, { onObserved: () => {}, onVoted: () => {} })

describe('the participation of validators', () => {
  it('counts votes before the quorum as in time, later ones by their delay, and the first of each only', () => {
    const seen = log()
    seen.voted(1, 1n, 10)
    seen.prepared(1n, 20)
    seen.voted(2, 1n, 50)
    seen.voted(2, 1n, 500)
    seen.committed(1n, [0, 1])
    expect(seen.of(1, 0)).toMatchObject({ rounds: 1, observed: 1, voted: 1, latenessMs: { mean: 0, max: 0 } })
    expect(seen.of(2, 0)).toMatchObject({
      rounds: 1,
      observed: 0,
      voted: 1,
      latenessMs: { mean: 30, max: 30 },
    })
    expect(seen.of(3, 0)).toMatchObject({ voted: 0, latenessMs: null })
    expect(seen.of(9, 0)).toMatchObject({ rounds: 0 })
  })

  it('is not erased by votes for rounds long past', () => {
    const seen = log()
    for (let round = 100n; round < 110n; round++) {
      seen.voted(1, round, 0)
      for (let old = 1n; old < 60n; old++) seen.voted(3, old, 0)
      seen.prepared(round, 1)
      seen.committed(round, [1])
    }
    expect(seen.of(1, 0)).toMatchObject({ rounds: 10, voted: 10 })
    expect(seen.of(3, 0)).toMatchObject({ voted: 0 })
  })

  it('is about the last 256 rounds', () => {
    const seen = log()
    for (let round = 1n; round <= 300n; round++) seen.committed(round, round > 44n ? [2] : [])
    expect(seen.of(2, 0)).toMatchObject({ rounds: 256, observed: 256 })
  })

  it('counts faults by code', () => {
    const seen = log()
    seen.fault(2, 'bad-signature')
    seen.fault(2, 'bad-signature')
    seen.fault(7, 'bad-signature')
    expect(seen.of(2, 0).faults).toEqual({ 'bad-signature': 2 })
    expect(seen.of(1, 0).faults).toEqual({})
  })
})
