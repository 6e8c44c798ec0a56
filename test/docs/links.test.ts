import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { anchorsOf, commandsOf, linksOf, quotesOf } from './markdown.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = globSync('**/*.md', {
  cwd: root,
  exclude: (path) => /(?:^|\/)(?:node_modules|artifacts|cache|\..+)$/.test(path.replaceAll('\\', '/')),
}).map((path) => path.replaceAll('\\', '/'))

const npmScripts = Object.keys(JSON.parse(read('package.json')).scripts)
const steps = [...read('scripts/test.ts').matchAll(/\bname: '(\w+)', *\n? *what:/g)].map(([, name]) => name)

test('the pages are found', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/operators.md', 'node/kernel/README.md']))
  expect(steps).toEqual(expect.arrayContaining(['lint', 'vitest']))
})

describe.each(pages)('%s', (page) => {
  const text = read(page)

  test('every relative link leads to a file, and to a heading in it', () => {
    const broken = linksOf(text).filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? join(root, page) : resolve(root, dirname(page), decodeURI(path))
      // A link out of the repository works on one machine only.
      if (relative(root, target).startsWith('..') || !existsSync(target)) return true
      return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor)
    })
    expect(broken).toEqual([])
  })

  test('every command that it names exists', () => {
    const { scripts, testSteps, programs } = commandsOf(text)
    expect(scripts.filter((name) => !npmScripts.includes(name))).toEqual([])
    expect(testSteps.filter((name) => !steps.includes(name))).toEqual([])
    expect(programs.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  test('the code that it quotes is what the file says', () => {
    for (const { path, code } of quotesOf(text)) expect(read(path)).toContain(code)
  })
})

test('what these tests read in a page', () => {
  const page = [
    '# One, `two` & 3: [four](five.md)',
    'See [a](b.md#c), ![d](e/f.png "title") and [out](https://example.org/x.md), not `[g](h.md)`.',
    'Run `npm run format`, `npm test -- lint types`, `npm start` or `node scripts/run.mjs x`.',
    '<!-- from: a/b.ts -->',
    '',
    '```ts',
    'const x = 1',
    '// [i](j.md)',
    '```',
    '# One, `two` & 3: [four](five.md)',
  ].join('\n')
  expect(linksOf(page)).toEqual(['five.md', 'b.md#c', 'e/f.png', 'five.md'])
  expect(anchorsOf(page)).toEqual(['one-two--3-four', 'one-two--3-four-1'])
  expect(commandsOf(page)).toEqual({
    scripts: ['format', 'start'],
    testSteps: ['lint', 'types'],
    programs: ['scripts/run.mjs'],
  })
  expect(quotesOf(page)).toEqual([{ path: 'a/b.ts', code: 'const x = 1\n// [i](j.md)' }])
})
