import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { importsOf } from './architecture/imports.ts'
import { violations } from './architecture/violations.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('every import follows the table of rooms, and there is no cycle', () => {
  const paths = ['node', 'plugins', 'indexer']
    .flatMap((room) => globSync(`${room}/**/*.ts`, { cwd: root }))
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !/node_modules|(?:^|\/)\.|\.d\.ts$|^indexer\/generated\//.test(path))
  expect(paths).toContain('node/main.ts')
  expect(violations(new Map(paths.map((path) => [path, readFileSync(`${root}${path}`, 'utf8')])))).toEqual([])
})

test('nothing outside the tests imports the dishonest build of the node', () => {
  const shipped = ['node', 'plugins', 'indexer', 'scripts'].flatMap((room) =>
    globSync(`${room}/**/*.{ts,mjs}`, { cwd: root }),
  )
  expect(shipped).toContain('scripts/run.mjs')
  const found = shipped
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !/node_modules|(?:^|\/)\.|^indexer\/generated\//.test(path))
    .flatMap((path) =>
      importsOf(path, readFileSync(`${root}${path}`, 'utf8')).map(({ target }) => `${path}: ${target}`),
    )
    .filter((line) => /: test\/adversary\//.test(line))
  expect(found).toEqual([])
})

test('one file alone loads ONNX Runtime, with its telemetry off', () => {
  const loads = ['node', 'plugins', 'indexer', 'scripts', 'models', 'docs', 'test']
    .flatMap((room) => globSync(`${room}/**/*.{ts,mjs}`, { cwd: root }))
    .filter((path) => !/node_modules|(?:^|\/)\.|^indexer\/generated\//.test(path))
    .filter((path) =>
      importsOf(path, readFileSync(`${root}${path}`, 'utf8')).some(
        ({ target, kind }) => target === 'onnxruntime-node' && kind !== 'type',
      ),
    )
  expect(loads).toEqual(['node/adapters/onnx/runtime.ts'])
})

describe('the checker itself', () => {
  const check = (files: Record<string, string>) => violations(new Map(Object.entries(files)))

  test('reads every form of import', () => {
    const source = `
      import a, { b } from './a.ts'
      import type { C } from './c.ts'
      import { type D, type E } from './d.ts'
      import { type F, g } from './f.ts'
      import * as h from "../h.ts"
      import './side.ts'
      export * from './i.ts'
      export { j } from './j.ts'
      export type { K } from './k.ts'
      import {
        type L,
        m,
      } from './m.ts'
      // import n from './no.ts'
      /* import o from './no.ts' */
      /**
       * import p from './no.ts'
       */
      const url = 'https://example.org' // import q from './no.ts'
      const late = () => import('./late.ts')
      const wild = (name: string) => import(name)
      interface History { import(records: string): void; import(): void }
      history.import(records)
    `
    expect(importsOf('node/x/file.ts', source).map(({ target, kind }) => `${kind} ${target}`)).toEqual([
      'static node/x/a.ts',
      'type node/x/c.ts',
      'type node/x/d.ts',
      'static node/x/f.ts',
      'static node/h.ts',
      'static node/x/i.ts',
      'static node/x/j.ts',
      'type node/x/k.ts',
      'static node/x/m.ts',
      'static node/x/side.ts',
      'dynamic node/x/late.ts',
      'dynamic <computed>',
    ])
  })

  test.each([
    ['node/ports/a.ts', "import { b } from '../kernel/b.ts'"],
    ['node/ports/a.ts', "import { b } from 'viem'"],
    ['node/quorum/a.ts', "import { b } from '../kernel/b.ts'"],
    ['node/quorum/a.ts', "import { readFile } from 'node:fs/promises'"],
    ['node/kernel/a.ts', "import { b } from '../adapters/viem/b.ts'"],
    ['node/kernel/a.ts', "import { b } from '../config/schema.ts'"],
    ['node/kernel/a.ts', "const b = await import('../adapters/viem/b.ts')"],
    ['node/kernel/a.ts', 'const b = (name: string) => import(name)'],
    ['node/config/a.ts', "import type { B } from '../kernel/plugin.ts'"],
    ['node/cli/a.ts', "import { b } from '../adapters/viem/b.ts'"],
    ['node/cli/a.ts', "import { b } from '../kernel/host.ts'"],
    ['node/adapters/viem/a.ts', "import { b } from '../pino/b.ts'"],
    ['node/adapters/viem/a.ts', "import { b } from '../../quorum/b.ts'"],
    ['node/devnet/a.ts', "import '../main.ts'"],
    ['node/compose.ts', "import { b } from '../plugins/oracle/outcome.ts'"],
    ['plugins/oracle/a.ts', "import { b } from '../../node/adapters/viem/b.ts'"],
    ['plugins/oracle/a.ts', "import { b } from '../../node/kernel/host.ts'"],
    ['plugins/oracle/a.ts', "import { b } from '../payments/plugin.ts'"],
    ['plugins/oracle/a.ts', "import { readFileSync } from 'node:fs'"],
    ['plugins/oracle/a.ts', "import pg from 'pg'"],
    ['plugins/oracle/index.ts', "import { b } from './outcome.ts'"],
    ['indexer/a.ts', "import { b } from '../node/adapters/ponder/b.ts'"],
    ['node/adapters/viem/a.ts', 'process.exit(1)'],
    ['node/adapters/viem/a.ts', "import { exit } from 'node:process'"],
    ['node/elsewhere/a.ts', ''],
  ])('%s: refuses %s', (path, source) => {
    expect(check({ [path]: source })).toHaveLength(1)
  })

  test.each([
    ['node/quorum/a.ts', "import type { B } from '../ports/b.ts'"],
    ['node/adapters/viem/a.ts', "import { b } from './deep/b.ts'\nimport { c } from 'viem'"],
    ['node/main.ts', "import { b } from './compose.ts'\nprocess.exit(1)"],
    ['plugins/oracle/index.ts', "import { b } from './config.ts'\nconst load = () => import('./plugin.ts')"],
    [
      'plugins/oracle/plugin.ts',
      "import { b } from '../payments/api.ts'\nimport { c } from '../../contracts/abi/C.ts'",
    ],
    ['indexer/a.ts', "import { b } from '../contracts/abi/B.ts'"],
  ])('%s: allows %s', (path, source) => {
    expect(check({ [path]: source })).toEqual([])
  })

  test('finds a cycle, types included, and says its path', () => {
    const files = {
      'node/kernel/a.ts': "import { b } from './b.ts'",
      'node/kernel/b.ts': "import type { C } from './c.ts'",
      'node/kernel/c.ts': "import { b } from './b.ts'",
    }
    expect(check(files)).toEqual(['cycle: node/kernel/b.ts -> node/kernel/c.ts -> node/kernel/b.ts'])
  })

  test('finds logic that a description pulls in through another file', () => {
    const found = check({
      'plugins/x/index.ts': "import { c } from './config.ts'\nconst load = () => import('./plugin.ts')",
      'plugins/x/config.ts': "import { d } from './deep.ts'",
      'plugins/x/deep.ts': "import { p } from './plugin.ts'",
      'plugins/x/plugin.ts': '',
    })
    expect(found).toEqual(['plugins/x/index.ts: pulls in plugins/x/plugin.ts at once, which load() is for'])
  })
})
