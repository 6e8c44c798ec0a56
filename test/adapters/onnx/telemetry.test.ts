import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const PROGRAM = fileURLToPath(new URL('load-model.ts', import.meta.url))

it('a process that runs a model leaves nothing in the home and temporary folders', async () => {
  const place = await mkdtemp(join(tmpdir(), 'iyi-telemetry-'))
  onTestFinished(() => rm(place, { recursive: true, force: true }))
  const [HOME, TMPDIR] = [join(place, 'home'), join(place, 'tmp')]
  await Promise.all([mkdir(HOME), mkdir(TMPDIR)])
  const child = spawn(process.execPath, [PROGRAM], {
    // Only these: the setting must come from the adapter.
    env: { PATH: process.env.PATH, HOME, TMPDIR },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  expect(await text(child.stdout)).toBe('{"ok":true}')
  expect(await readdir(place, { recursive: true })).toEqual(['home', 'tmp'])
  expect(existsSync(join('/tmp', `mat-debug-${child.pid}.log`))).toBe(false)
})
