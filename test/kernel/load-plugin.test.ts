import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadPlugin } from '../../node/kernel/load-plugin.ts'
import { sample } from './sample-plugins.ts'

const description = (id: string) => `
export default {
  provides: { id: '${id}' }, version: '1.0.0', summary: 'A plugin', needs: [], requires: {},
  config: { safeParse: (data) => ({ success: true, data }) },
  load: async () => ({ setup: () => ({ api: {} }) }),
}`

let dir = ''
const write = async (path: string, text: string) => {
  await mkdir(dirname(join(dir, path)), { recursive: true })
  await writeFile(join(dir, path), text)
}
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-load-'))
})
afterAll(() => rm(dir, { recursive: true }))

describe('loading a plugin', () => {
  test('one that came with the node, by id', async () => {
    const plugin = sample({ id: 'oracle' })
    const found = await loadPlugin(
      { use: 'oracle', baseDir: dir },
      { builtin: new Map([['oracle', plugin]]) },
    )
    expect(found).toEqual({ plugin, source: 'builtin' })
  })

  test('a file or a folder, relative to the configuration', async () => {
    await write('mine/index.ts', `${description('mine')} satisfies object`)
    await write('single.mjs', description('single'))
    expect((await loadPlugin({ use: './mine', baseDir: dir })).plugin.provides.id).toBe('mine')
    expect((await loadPlugin({ use: './single.mjs', baseDir: dir })).plugin.provides.id).toBe('single')
    expect((await loadPlugin({ use: join(dir, 'mine'), baseDir: '/' })).source).toBe(
      join(dir, 'mine/index.ts'),
    )
  })

  test.each([
    ['exports', { exports: { '.': { types: './types.d.ts', import: './entry.js' } } }],
    ['exports-text', { exports: './entry.js' }],
    ['main', { main: './entry.js' }],
    ['@scope/scoped', { exports: { '.': { default: './entry.js' } } }],
  ])('a package beside the configuration: %s', async (name, manifest) => {
    await write(`node_modules/${name}/package.json`, JSON.stringify({ name, type: 'module', ...manifest }))
    await write(`node_modules/${name}/entry.js`, description('packaged'))
    const found = await loadPlugin({ use: name, baseDir: dir })
    expect(found.plugin.provides.id).toBe('packaged')
    expect(found.source).toBe(name)
  })

  test('a package whose package.json is broken is named, not a crash', async () => {
    await write('node_modules/torn/package.json', '{ "name":')
    await expect(loadPlugin({ use: 'torn', baseDir: dir })).rejects.toMatchObject({
      code: 'KERNEL_PLUGIN_IMPORT_FAILED',
    })
  })

  test.each([
    ['./nowhere', 'KERNEL_PLUGIN_NOT_FOUND'],
    ['no-such-package-of-anybody', 'KERNEL_PLUGIN_NOT_FOUND'],
    ['./broken.mjs', 'KERNEL_PLUGIN_IMPORT_FAILED'],
    ['./named.mjs', 'KERNEL_PLUGIN_NO_DEFAULT_EXPORT'],
    ['./other.mjs', 'KERNEL_PLUGIN_BAD_DESCRIPTION'],
  ])('%s fails with %s', async (use, code) => {
    await write('broken.mjs', 'export default {')
    await write('named.mjs', 'export const plugin = {}')
    await write(
      'other.mjs',
      'export default { provides: {}, version: 1, summary: "x", needs: [], requires: {} }',
    )
    await expect(loadPlugin({ use, baseDir: dir })).rejects.toMatchObject({ code, data: { use } })
  })

  test('a wrong shape is told fault by fault', async () => {
    await expect(loadPlugin({ use: './other.mjs', baseDir: dir })).rejects.toThrow(
      /provides\.id: [\s\S]*version: [\s\S]*config: [\s\S]*load: /,
    )
  })
})
