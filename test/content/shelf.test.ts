import { rename, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { provePart } from '../../node/content/hash-chain.ts'
import { Shelf } from '../../node/content/shelf.ts'
import { PART_BYTES } from '../../node/ports/content.ts'
import { silent } from '../adapters/libp2p/kit.ts'
import { bytesFor, sha256, temporary } from './kit.ts'

async function world(size: number) {
  const dir = await temporary()
  const path = join(dir, 'file')
  const content = bytesFor('some', size)
  await writeFile(path, content)
  const hash = sha256(content)
  const offers = {
    file: async (asked: string) => (asked === hash ? path : null),
    entry: async () => null,
  }
  const shelf = new Shelf([{ file: async () => null, entry: async () => null }, offers], {
    clock: systemClock,
    log: silent,
  })
  const ask = (index: number | 'last', of = hash) => shelf.answer({ kind: 'part', hash: of, index })
  return { path, content, hash, ask }
}

it('gives parts with what proves them', async () => {
  const { hash, ask } = await world(2 * PART_BYTES + 9)
  const last = await ask('last')
  if (last.kind !== 'part') throw new TypeError('no part')
  const end = provePart(hash, null, last.part)
  expect(end).toMatchObject({ next: 1 })
  const middle = await ask(1)
  if (middle.kind !== 'part') throw new TypeError('no part')
  expect(provePart(hash, end, middle.part)).toMatchObject({ next: 0 })
})

it('has nothing of what is not there, nor of a part that there is not', async () => {
  const { ask } = await world(10)
  expect(await ask('last', 'ab'.repeat(32))).toEqual({ kind: 'absent' })
  expect(await ask(1)).toEqual({ kind: 'absent' })
  expect(await ask(4_000_000_000)).toEqual({ kind: 'absent' })
})

it('gives nothing of a file that is another one, and gives the right one when it is back', async () => {
  const { path, content, ask } = await world(100)
  expect((await ask('last')).kind).toBe('part')
  const exchange = async (bytes: Uint8Array) => {
    await writeFile(`${path}.new`, bytes)
    await rename(`${path}.new`, path)
  }
  await exchange(bytesFor('other', 100))
  expect(await ask('last')).toEqual({ kind: 'absent' })
  await exchange(bytesFor('other', 101))
  expect(await ask('last')).toEqual({ kind: 'absent' })
  await exchange(content)
  expect((await ask('last')).kind).toBe('part')
})

it('gives nothing of a file that was written over where it lies', async () => {
  const { path, ask } = await world(100)
  expect((await ask('last')).kind).toBe('part')
  await writeFile(path, bytesFor('other', 100))
  await utimes(path, 1_000, 1_000)
  expect(await ask('last')).toEqual({ kind: 'absent' })
})

it('proves two files at once, lets a third wait, and computes nothing for a part that there is not', async () => {
  const dir = await temporary()
  const contents = ['a', 'b', 'c'].map((seed) => bytesFor(seed, 10 * PART_BYTES))
  const hashes = contents.map(sha256)
  for (const [i, content] of contents.entries()) await writeFile(join(dir, hashes[i] ?? ''), content)
  const shelf = new Shelf([{ file: async (hash) => join(dir, hash), entry: async () => null }], {
    clock: systemClock,
    log: silent,
  })
  const ask = (index: number | 'last') =>
    Promise.all(hashes.map(async (hash) => (await shelf.answer({ kind: 'part', hash, index })).kind))
  expect(await ask(10)).toEqual(['absent', 'absent', 'absent'])
  expect((await ask('last')).sort()).toEqual(['busy', 'part', 'part'])
  expect(await ask('last')).toEqual(['part', 'part', 'part'])
})
