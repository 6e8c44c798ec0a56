import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ContentStore } from '../../node/content/store.ts'
import type { Clock } from '../../node/ports/clock.ts'
import { TestMetrics } from '../adapters/libp2p/kit.ts'
import { bytesFor, sha256, temporary } from './kit.ts'

/** Time that a test moves by hand; timers fire when it says so. */
function handClock() {
  let nowMs = 1_700_000_000_000
  const timers: (() => void)[] = []
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    setTimer: (_delayMs, fire) => {
      timers.push(fire)
      return { cancel: () => timers.splice(timers.indexOf(fire) >>> 0, 1) }
    },
  }
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { clock, pass }
}

async function world(maxBytes = 1_000) {
  const dir = await temporary()
  const { clock, pass } = handClock()
  const open = async () => {
    const store = new ContentStore({ dir, maxBytes }, { clock, metrics: new TestMetrics() })
    await store.start()
    return store
  }
  return { dir, pass, open, store: await open() }
}

it('keeps a content for as long as asked, over a restart too', async () => {
  const { dir, pass, open, store } = await world()
  const content = bytesFor('a', 100)
  const kept = await store.put(content, 10_000)
  expect(kept).toEqual({ hash: sha256(content), size: 100, keptUntil: 1_700_000_010_000 })
  await writeFile(join(dir, 'half.new'), 'half')
  const again = await open()
  expect(await readdir(dir)).toEqual([kept.hash])
  expect(await again.read(kept.hash)).toEqual(Buffer.from(content))
  pass(9_999)
  expect(again.held()).toEqual([kept.hash])
  pass(1)
  expect(again.held()).toEqual([])
  expect(await again.read(kept.hash)).toBeNull()
  const last = await open()
  expect(last.held()).toEqual([])
  expect(await readdir(dir)).toEqual([])
})

it('put again keeps it longer, never shorter', async () => {
  const { store } = await world()
  const content = bytesFor('a', 100)
  await store.put(content, 10_000)
  expect(await store.put(content, 20_000)).toMatchObject({ keptUntil: 1_700_000_020_000, size: 100 })
  expect(await store.put(content, 5_000)).toMatchObject({ keptUntil: 1_700_000_020_000 })
})

it('makes room of what would go first, and never of what is needed', async () => {
  const { store } = await world()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((seed) => bytesFor(seed, 400)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  await store.put(a, 10_000)
  await store.put(b, 20_000)
  store.keep(sha256(a), 1_700_000_050_000)
  await store.put(c, 15_000)
  expect([...store.held()].sort()).toEqual([sha256(a), sha256(c)].sort())
  store.keep(sha256(c), 0)
  await expect(store.put(d, 90_000)).rejects.toMatchObject({ code: 'CONTENT_FULL', retry: true })
  await expect(store.put(bytesFor('e', 1_001), 1)).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' })
  expect([...store.held()].sort()).toEqual([sha256(a), sha256(c)].sort())
})

it('gives out no file that is another one than was kept', async () => {
  const { dir, store } = await world()
  const { hash } = await store.put(bytesFor('a', 100), 10_000)
  await writeFile(join(dir, hash), 'other')
  expect(await store.read(hash)).toBeNull()
  expect(store.held()).toEqual([])
})
