import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../node/adapters/postgres/embedded.ts'
import { freePort, noGuard, recordingLog, until } from '../adapters/postgres/support.ts'
import { type Following, following, heardOnce } from './following.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const disk = mkdtempSync(join(tmpdir(), 'iyi-full-'))
chmodSync(disk, 0o755)
/** A disk of its own that can be filled; only root may mount one. */
const mounted = mount(disk)
const ballast = join(disk, 'ballast')

afterAll(() => {
  if (mounted) execFileSync('umount', [disk])
  rmSync(disk, { recursive: true })
})

function mount(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128m,mode=755', 'tmpfs', path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function fill(): void {
  const file = openSync(ballast, 'w')
  try {
    for (const size of [2 ** 20, 2 ** 12])
      try {
        for (;;) if (writeSync(file, Buffer.alloc(size)) < size) break
      } catch {
        // No room for so much.
      }
  } finally {
    closeSync(file)
  }
}

// Skipped where this account may not mount a file system: nothing else fills a disk without filling everybody's.
const title = 'a full disk below the database'
describe.skipIf(!mounted)(mounted ? title : `${title}: needs an account that may mount a tmpfs`, () => {
  it('is told of, loses nothing, and is over when there is room', async () => {
    const port = await freePort()
    const start = () =>
      startEmbeddedPostgres({ dataDir: join(disk, 'data'), port }, { guard: noGuard, log: recordingLog() })
    let server: EmbeddedPostgres = await start()
    let node: Following | undefined
    try {
      node = await following(server.url)
      const { world, events, fold } = node
      world.mine(1, 'a')
      await until(() => heardOnce({ fold, world }))
      let ended = false
      void server.exited.then(() => {
        ended = true
      })
      fill()
      // Enough that tables and log of the database must grow.
      for (let i = 0; i < 40; i++) world.mine(1, ...Array<string>(50).fill('a'))
      await until(() => events.health().status === 'degraded', 60_000)
      expect(heardOnce({ fold, world })).toBe(false)
      rmSync(ballast)
      // A server that can't write its own log ends; the node would end with it, and be started again.
      if (ended) server = await start()
      await until(() => heardOnce({ fold, world }), 60_000)
      await until(() => events.health().status === 'ok')
    } finally {
      await node?.stop()
      await server.stop()
    }
  })
})
