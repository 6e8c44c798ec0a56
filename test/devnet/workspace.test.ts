import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { takeWorkspace } from '../../node/devnet/workspace.ts'

let home: string
let dir: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'iyi-workspace-'))
  dir = join(home, 'net')
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const refusal = (code: string) => expect.objectContaining({ code })

test('takes a new folder, gives it back, and takes it again', () => {
  const first = takeWorkspace(dir)
  expect(first).toMatchObject({ dir, afterCrash: false })
  writeFileSync(join(dir, 'devnet.log'), '')
  first.release()
  expect(takeWorkspace(dir)).toMatchObject({ afterCrash: false })
})

test('a start that wrote nothing leaves the place as it was', () => {
  takeWorkspace(dir).release()
  expect(existsSync(dir)).toBe(false)
  mkdirSync(dir)
  takeWorkspace(dir).release()
  expect(readdirSync(dir)).toEqual([])
})

test('a fresh network finds nothing of the one before', () => {
  const first = takeWorkspace(dir)
  mkdirSync(join(dir, 'validator-0', 'keys'), { recursive: true })
  writeFileSync(join(dir, 'validator-0', 'keys', 'signer.json'), '{}')
  first.release()
  takeWorkspace(dir)
  expect(readdirSync(dir)).toEqual(['devnet.lock'])
})

test('never wipes a folder that no devnet made', () => {
  mkdirSync(dir)
  writeFileSync(join(dir, 'thesis.txt'), 'years of work')
  expect(() => takeWorkspace(dir)).toThrow(refusal('DEVNET_BAD_OPTION'))
  expect(readFileSync(join(dir, 'thesis.txt'), 'utf8')).toBe('years of work')
  expect(existsSync(join(dir, 'devnet.lock'))).toBe(false)
})

test('an empty folder is taken', () => {
  mkdirSync(dir)
  expect(takeWorkspace(dir)).toMatchObject({ afterCrash: false })
})

test('refuses a folder where another devnet runs, and touches nothing there', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'devnet'], { stdio: 'ignore' })
  try {
    await new Promise((started) => other.once('spawn', started))
    mkdirSync(dir)
    writeFileSync(join(dir, 'devnet.lock'), String(other.pid))
    writeFileSync(join(dir, 'devnet.json'), '{}')
    expect(() => takeWorkspace(dir)).toThrow(
      expect.objectContaining({ code: 'DEVNET_ALREADY_RUNNING', data: { dir, pid: other.pid } }),
    )
    expect(readdirSync(dir).sort()).toEqual(['devnet.json', 'devnet.lock'])
  } finally {
    const gone = new Promise((ended) => other.once('exit', ended))
    other.kill('SIGKILL')
    await gone
  }
  // It was killed and could not say goodbye: its folder is taken over, and its programs may need a moment more.
  expect(takeWorkspace(dir)).toMatchObject({ afterCrash: true })
  expect(readdirSync(dir)).toEqual(['devnet.lock'])
})

test.runIf(process.platform === 'linux')(
  'a process id that belongs to another program by now is no devnet',
  async () => {
    const other = spawn('sleep', ['60'], { stdio: 'ignore' })
    try {
      await new Promise((started) => other.once('spawn', started))
      mkdirSync(dir)
      writeFileSync(join(dir, 'devnet.lock'), String(other.pid))
      expect(takeWorkspace(dir)).toMatchObject({ afterCrash: true })
    } finally {
      other.kill('SIGKILL')
    }
  },
)

test('a marker with rubbish in it does not make a running devnet', () => {
  mkdirSync(dir)
  writeFileSync(join(dir, 'devnet.lock'), 'rubbish')
  expect(takeWorkspace(dir)).toMatchObject({ afterCrash: false })
})
