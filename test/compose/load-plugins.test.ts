import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exitCodeOf } from '../../node/cli/exit-code.ts'
import { loadPlugins } from '../../node/compose/builtin.ts'

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-plugins-'))
  await writeFile(join(dir, 'broken.mjs'), 'export default {')
})
afterAll(() => rm(dir, { recursive: true }))

const load = (...uses: string[]) =>
  loadPlugins({ plugins: uses.map((use) => ({ use, grants: [], config: {} })) }, dir).catch(
    (error: unknown) => error,
  )

test('every plugin that can not be loaded is told at once', async () => {
  const error = await load('./nowhere', 'oracle', './broken.mjs')
  expect(error).toMatchObject({
    code: 'KERNEL_PLUGINS_NOT_LOADED',
    data: {
      faults: [
        { code: 'KERNEL_PLUGIN_NOT_FOUND', use: './nowhere' },
        { code: 'KERNEL_PLUGIN_IMPORT_FAILED', use: './broken.mjs' },
      ],
    },
  })
  expect(String(error)).toMatch(/nowhere[\s\S]*broken\.mjs/)
  expect(exitCodeOf(error)).toBe(1)
})

test('one that can not be loaded keeps its own code', async () => {
  expect(await load('oracle', './nowhere')).toMatchObject({ code: 'KERNEL_PLUGIN_NOT_FOUND' })
})
