import { describe, expect, it } from 'vitest'
import type { QuorumSnapshot } from '../../node/ports/quorum.ts'
import { instruments } from '../../node/quorum/instruments.ts'
import { Persister } from '../../node/quorum/persister.ts'
import { VirtualClock } from './memory/clock.ts'
import { MemoryMetrics, MemoryStore, silentLog } from './memory/ports.ts'

const INSTANCE = `0x${'11'.repeat(32)}` as const
const bytes = (value: number) => Uint8Array.of(value)

function persister() {
  const clock = new VirtualClock()
  const store = new MemoryStore()
  const stop = new AbortController()
  const written: Partial<QuorumSnapshot>[] = []
  const save = store.save.bind(store)
  /** Each write waits for its turn. */
  const gates: (() => void)[] = []
  store.save = async (instance, change) => {
    written.push(change)
    await new Promise<void>((resolve) => gates.push(resolve))
    await save(instance, change)
  }
  const modules = { store, clock, log: silentLog, instruments: instruments(new MemoryMetrics(), 'test') }
  const subject = new Persister({ instance: INSTANCE, signal: stop.signal }, modules)
  const release = async () => {
    gates.shift()?.()
    await clock.run(0)
  }
  return { clock, store, stop, subject, written, release }
}

describe('the persister', () => {
  it('merges what comes while it writes, and says so only when all of it is there', async () => {
    const { clock, store, subject, written, release } = persister()
    const done: string[] = []
    void subject.save({ pacemaker: bytes(1) }).then(() => done.push('first'))
    void subject.save({ certificate: bytes(2) }).then(() => done.push('second'))
    void subject.save({ committed: bytes(3) }).then(() => done.push('third'))
    void subject.save({ certificate: bytes(4) }).then(() => done.push('fourth'))
    await clock.run(0)
    expect(written).toEqual([{ pacemaker: bytes(1) }])
    expect(done).toEqual([])
    await release()
    expect(done).toEqual(['first'])
    await release()
    expect(done).toEqual(['first', 'second', 'third', 'fourth'])
    expect(written.slice(1)).toEqual([{ certificate: bytes(4), committed: bytes(3) }])
    expect(await store.load(INSTANCE)).toEqual({
      pacemaker: bytes(1),
      certificate: bytes(4),
      committed: bytes(3),
    })
  })

  it('tries a failed write again, with what came meanwhile, and does not say that it is there before it is', async () => {
    const { clock, store, subject, release } = persister()
    store.failure = new RangeError('disk full')
    const done: string[] = []
    void subject.save({ pacemaker: bytes(1) }).then(() => done.push('first'))
    await clock.run(0)
    await release()
    expect(subject.failing).toBe(true)
    void subject.save({ certificate: bytes(2) }).then(() => done.push('second'))
    await clock.run(60_000)
    expect(done).toEqual([])
    store.failure = null
    await release()
    expect(done).toEqual(['first', 'second'])
    expect(subject.failing).toBe(false)
    expect(await store.load(INSTANCE)).toEqual({
      pacemaker: bytes(1),
      certificate: bytes(2),
      committed: null,
    })
  })

  it('rejects what it could not write when the engine stops', async () => {
    const { clock, store, stop, subject, release } = persister()
    store.failure = new RangeError('disk full')
    const saved = subject.save({ pacemaker: bytes(1) })
    const refused = expect(saved).rejects.toMatchObject({ code: 'QUORUM_ABORTED' })
    await clock.run(0)
    await release()
    stop.abort()
    await clock.run(0)
    await refused
  })
})
