import { readdir, utimes, writeFile } from 'node:fs/promises'
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

async function world(maxBytes = 16_000) {
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
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((seed) => bytesFor(seed, 6_400)) as [
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
  await expect(store.put(bytesFor('e', 16_001), 1)).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' })
  expect([...store.held()].sort()).toEqual([sha256(a), sha256(c)].sort())
})

it('gives out no file that is another one than was kept', async () => {
  const { dir, store } = await world()
  const { hash } = await store.put(bytesFor('a', 100), 10_000)
  await writeFile(join(dir, hash), 'other')
  expect(await store.read(hash)).toBeNull()
  expect(store.held()).toEqual([])
})

it('never takes more room than it has, whatever comes at once', async () => {
  const { dir, store } = await world()
  const contents = Array.from({ length: 12 }, (_, i) => bytesFor(`c${i}`, 4_800))
  await Promise.all(contents.map((content) => store.put(content, 10_000)))
  expect(store.held()).toHaveLength(3)
  expect((await readdir(dir)).sort()).toEqual([...store.held()].sort())
  await Promise.all([1, 2, 3].map(() => store.put(bytesFor('same', 4_800), 10_000)))
  expect(store.held()).toHaveLength(3)
})

it('counts the smallest as what it takes on a disk', async () => {
  const { store } = await world()
  for (let i = 0; i < 8; i++) await store.put(Uint8Array.of(i), 10_000)
  expect(store.held()).toHaveLength(3)
})

it('takes away what nobody came back to, and too many halves', async () => {
  const { dir, open } = await world()
  const name = (i: number) => sha256(Uint8Array.of(i))
  for (let i = 0; i < 70; i++) {
    for (const end of ['.part', '.part.json']) await writeFile(join(dir, `${name(i)}${end}`), 'half')
    const at = new Date(1_700_000_000_000 - i * 1_000)
    await utimes(join(dir, `${name(i)}.part`), at, at)
  }
  const old = new Date(1_700_000_000_000 - 3_601_000)
  await utimes(join(dir, `${name(3)}.part`), old, old)
  await open()
  const left = (await readdir(dir)).filter((each) => each.endsWith('.part')).sort()
  const expected = Array.from({ length: 65 }, (_, i) => `${name(i)}.part`).filter(
    (each) => each !== `${name(3)}.part`,
  )
  expect(left).toEqual(expected.sort())
  expect(await readdir(dir)).toHaveLength(2 * left.length)
})
