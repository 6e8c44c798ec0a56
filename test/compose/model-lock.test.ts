import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { withLock } from '../../node/compose/models/lock.ts'

async function lock(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'iyi-lock-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  return join(dir, 'manifest.json.lock')
}

it('one at a time, also of one process', async () => {
  const path = await lock()
  await withLock(path, async () => {
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({ code: 'MODEL_LOCKED', retry: true })
    expect(existsSync(path)).toBe(true)
  })
  expect(await withLock(path, async () => 2)).toBe(2)
  expect(existsSync(path)).toBe(false)
})

it.each([
  // In a container the node has the same id after each start.
  ['an earlier process that had our id', process.pid],
  ['a process that is no more', 2 ** 22 + 1],
])('takes over what %s left', async (_what, pid) => {
  const path = await lock()
  await writeFile(path, String(pid))
  expect(await withLock(path, async () => 1)).toBe(1)
  expect(existsSync(path)).toBe(false)
})

it('waits for nobody who lives', async () => {
  const path = await lock()
  await writeFile(path, String(process.ppid))
  await expect(withLock(path, async () => 1)).rejects.toMatchObject({ code: 'MODEL_LOCKED' })
  expect(existsSync(path)).toBe(true)
})
