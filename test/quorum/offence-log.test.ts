import { describe, expect, it } from 'vitest'
import { OffenceLog } from '../../node/quorum/offence-log.ts'
import { commitSignedBytes } from '../../node/quorum/signed-bytes.ts'
import { VirtualClock } from './memory/clock.ts'
import { MemoryStore, silentLog } from './memory/ports.ts'
import { at, configuration, digest, hash, sampleOffence, signed } from './sample-offence.ts'

/** Forgeries, each another one. */
const forgery = (i: number, oracle = 2) => {
  const { bytes } = signed(commitSignedBytes(at, hash(1)))
  const signature = new Uint8Array(64).fill(i)
  return {
    ...sampleOffence({ offence: 'bad-signature', statement: 'commit', statements: [{ bytes, signature }] }),
    oracle,
  }
}

describe('the log of offences', () => {
  const make = () => {
    const clock = new VirtualClock()
    const store = new MemoryStore()
    const lost: unknown[] = []
    const log = new OffenceLog(
      {
        dutyId: 'test/duty',
        configDigest: digest,
        configurationOf: () => configuration,
        signal: new AbortController().signal,
        onLost: (data) => lost.push(data),
      },
      { store, clock, log: silentLog },
    )
    const kept = async () => {
      await log.idle()
      return (await store.offences({ limit: 100 })).records
    }
    return { clock, store, log, lost, kept }
  }

  it('keeps a few of one culprit and kind at once, then one in ten seconds, and all kinds alike', async () => {
    const { clock, log, kept } = make()
    for (let i = 0; i < 30; i++) log.add(forgery(i))
    expect(await kept()).toHaveLength(4)
    log.add(forgery(1, 1))
    expect(await kept()).toHaveLength(5)
    await clock.run(25_000)
    for (let i = 30; i < 60; i++) log.add(forgery(i))
    expect(await kept()).toHaveLength(7)
  })
})
