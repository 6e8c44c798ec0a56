import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CliDeps, HistoryExport } from '../../node/cli/deps.ts'
import { minimal } from '../config/config-cases.ts'
import { cliWorld, TestError } from './cli-world.ts'

let dir = ''
let config = ''
let out = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-history-cli-'))
  config = join(dir, 'iyi.yaml')
  out = join(dir, 'history.json')
  await writeFile(config, JSON.stringify({ ...minimal, name: 'mine' }))
})
afterEach(() => rm(dir, { recursive: true }))

const made: HistoryExport = {
  text: '{"a":1}\n',
  retired: false,
  keys: [{ keyId: '0xabc', entries: 3 }],
  otherKeys: ['0xdef'],
}
type Export = CliDeps['exportSigningHistory']
const history = (...args: string[]) => ['signing-history', ...args, '--config', config]

describe('signing-history export', () => {
  test('writes the document alone to standard output, and remarks to standard error', async () => {
    const asked: unknown[] = []
    const exportSigningHistory: Export = async ({ name }, options) => {
      asked.push([name, options])
      return made
    }
    const world = cliWorld({ exportSigningHistory })
    expect(await world.run(...history('export'))).toBe(0)
    expect(world.out()).toBe(made.text)
    expect(world.err()).toContain('0xabc: 3 entries')
    expect(world.err()).toContain('0xdef')
    expect(await cliWorld({ exportSigningHistory }).run(...history('export', '--retire'))).toBe(0)
    expect(asked).toEqual([
      ['mine', { retire: false }],
      ['mine', { retire: true }],
    ])
  })

  test('writes a new file that its owner alone reads', async () => {
    const world = cliWorld({ exportSigningHistory: async () => made })
    expect(await world.run(...history('export', '--out', out))).toBe(0)
    expect(world.out()).toBe(`wrote ${out}\n`)
    expect(await readFile(out, 'utf8')).toBe(made.text)
    expect(((await stat(out)).mode & 0o777).toString(8)).toBe('600')
  })

  test('never overwrites, and does nothing before it knows that it can write', async () => {
    await writeFile(out, 'mine')
    const none: string[] = []
    const exportSigningHistory: Export = async () => {
      none.push('called')
      return made
    }
    const world = cliWorld({ exportSigningHistory })
    expect(await world.run(...history('export', '--retire', '--out', out))).toBe(1)
    expect(world.err()).toContain('CLI_FILE_EXISTS')
    expect(await readFile(out, 'utf8')).toBe('mine')
    const nowhere = cliWorld({ exportSigningHistory })
    expect(await nowhere.run(...history('export', '--out', join(dir, 'no', 'folder')))).toBe(1)
    expect(nowhere.err()).toContain('CLI_FILE_UNWRITABLE')
    expect(none).toEqual([])
  })

  test.each([
    [true, 75],
    [false, 1],
  ])('an error that may pass (%s) ends with %i and leaves no file', async (retry, code) => {
    const world = cliWorld({ exportSigningHistory: () => Promise.reject(new TestError(retry)) })
    expect(await world.run(...history('export', '--out', out))).toBe(code)
    expect(world.err()).toContain('TEST_FAILED')
    expect(await readdir(dir)).toEqual(['iyi.yaml'])
  })
})

describe('signing-history import', () => {
  const imported = {
    createdAt: '2026-01-31T12:00:00.000Z',
    retired: true,
    keys: [{ keyId: '0xabc', added: 2, raised: 1, unchanged: 4, reinstated: true }],
    uncovered: [],
  }

  test('says what it did with each key', async () => {
    const world = cliWorld({
      importSigningHistory: async (_, { file }) => {
        expect(file).toBe(out)
        return imported
      },
    })
    expect(await world.run(...history('import', out))).toBe(0)
    expect(world.out()).toContain('0xabc: 2 added, 1 raised, 4 unchanged')
    expect(world.out()).toContain('may sign here again')
    expect(world.err()).toBe('')
  })

  test('remarks on a key that is not covered, and on a source that may go on signing', async () => {
    const world = cliWorld({
      importSigningHistory: async () => ({ ...imported, retired: false, uncovered: ['0xfed'] }),
    })
    expect(await world.run(...history('import', out))).toBe(0)
    expect(world.err()).toContain('0xfed')
    expect(world.err()).toContain('--retire')
  })

  test('needs a file', async () => {
    expect(await cliWorld().run(...history('import'))).toBe(1)
  })

  test.each([
    [true, 75],
    [false, 1],
  ])('an error that may pass (%s) ends with %i', async (retry, code) => {
    const world = cliWorld({ importSigningHistory: () => Promise.reject(new TestError(retry)) })
    expect(await world.run(...history('import', out))).toBe(code)
    expect(world.out()).toBe('')
  })
})
