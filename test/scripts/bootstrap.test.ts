// The part of the bootstrap that must also work on Node 18 without dependencies, run against a folder of its own and an
// npm of the test's: what is asked of npm is the behaviour here, not what npm then does.
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

interface Dependencies {
  ensureDependencies(root: string, node: string, progress: Steps, whenChanged?: string): Promise<void>
}
interface Toolchain {
  ensureNode(root: string, progress: Steps): Promise<string>
}
interface Steps {
  step<T>(label: string, work: () => Promise<T>): Promise<T>
}

const bootstrap = new URL('../../scripts/bootstrap/', import.meta.url)
const { ensureDependencies }: Dependencies = await import(new URL('dependencies.mjs', bootstrap).href)
const { ensureNode }: Toolchain = await import(new URL('toolchain.mjs', bootstrap).href)

let root: string
let labels: string[]
const steps: Steps = {
  step(label, work) {
    labels.push(label)
    return work()
  },
}

/** An npm that writes down how it was called, makes `node_modules/.bin`, and ends with `code`. */
function npmThatEnds(code: number): void {
  const bin = join(root, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(
    join(bin, 'npm'),
    `#!/bin/sh\necho "$@" >> '${root}/npm-calls'\nmkdir -p '${root}/node_modules/.bin'\necho "what npm says"\nexit ${code}\n`,
  )
  chmodSync(join(bin, 'npm'), 0o755)
  vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`)
  vi.stubEnv('npm_execpath', undefined)
}

const calls = () =>
  existsSync(join(root, 'npm-calls')) ? readFileSync(join(root, 'npm-calls'), 'utf8').trim().split('\n') : []

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'iyi-bootstrap-'))
  labels = []
  writeFileSync(join(root, 'package-lock.json'), '{"lockfileVersion":3}')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(root, { recursive: true, force: true })
})

// The folder of this Node would win over the test's npm: any path will do.
const node = '/nowhere/node'

test('installs what the lockfile pins, once', async () => {
  npmThatEnds(0)
  await ensureDependencies(root, node, steps)
  expect(calls()).toEqual([`ci --prefix ${root}`])
  expect(labels).toEqual(['install dependencies (npm ci)'])

  await ensureDependencies(root, node, steps)
  expect(calls()).toHaveLength(1)
  expect(labels).toHaveLength(1)
})

test('installs again when the lockfile changed', async () => {
  npmThatEnds(0)
  await ensureDependencies(root, node, steps)
  writeFileSync(join(root, 'package-lock.json'), '{"lockfileVersion":3,"packages":{}}')
  await ensureDependencies(root, node, steps)
  expect(calls()).toHaveLength(2)
})

test('whoever starts a node is told of a change, and nothing is emptied under other nodes', async () => {
  npmThatEnds(0)
  await ensureDependencies(root, node, steps, 'refuse')
  expect(calls()).toHaveLength(1)
  writeFileSync(join(root, 'package-lock.json'), '{"lockfileVersion":3,"packages":{}}')
  await expect(ensureDependencies(root, node, steps, 'refuse')).rejects.toThrow(/npm run setup/)
  expect(calls()).toHaveLength(1)
})

test('two commands at once install once, and a lock of a dead process holds nobody up', async () => {
  npmThatEnds(0)
  mkdirSync(join(root, '.toolchain'))
  writeFileSync(join(root, '.toolchain', 'install.lock'), '4194305')
  await Promise.all([ensureDependencies(root, node, steps), ensureDependencies(root, node, steps)])
  expect(calls()).toHaveLength(1)
  expect(existsSync(join(root, '.toolchain', 'install.lock'))).toBe(false)
})

test('does nothing where the stamp is of this very lockfile', async () => {
  npmThatEnds(1)
  mkdirSync(join(root, 'node_modules'))
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  writeFileSync(join(root, 'node_modules', '.iyi-installed'), hash)
  await ensureDependencies(root, node, steps)
  expect(calls()).toEqual([])
})

test('an install that failed says what npm said, and is tried again next time', async () => {
  npmThatEnds(3)
  await expect(ensureDependencies(root, node, steps)).rejects.toThrow(/npm ci ended with 3:\nwhat npm says/)
  expect(existsSync(join(root, 'node_modules', '.iyi-installed'))).toBe(false)
  npmThatEnds(0)
  await ensureDependencies(root, node, steps)
  expect(calls()).toHaveLength(2)
})

test('a Node that is new enough is taken as it is: nothing is brought', async () => {
  npmThatEnds(1)
  expect(await ensureNode(root, steps)).toBe(process.execPath)
  expect(calls()).toEqual([])
  expect(existsSync(join(root, '.toolchain'))).toBe(false)
})

test.each(['npx-cli.js', 'yarn.js'])(
  'a package manager that is no npm (%s) is not taken for one',
  async (name) => {
    npmThatEnds(0)
    vi.stubEnv('npm_execpath', join(root, name))
    await ensureDependencies(root, node, steps)
    expect(calls()).toEqual([`ci --prefix ${root}`])
  },
)
