import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../node/config/load.ts'
import { configuredPassword } from '../../node/config/password.ts'
import { cliWorld, typing } from './cli-world.ts'

let dir = ''
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'iyi-init-')), 'node')
})
afterEach(() => rm(join(dir, '..'), { recursive: true }))
const config = () => loadConfig({ path: join(dir, 'iyi.yaml'), env: {} }).config

describe('init', () => {
  test('writes a configuration that loads, and keys under a generated password that only the owner reads', async () => {
    const world = cliWorld()
    expect(await world.run('init', '--dir', dir, '--generate-password')).toBe(0)
    const path = join(dir, 'keys', 'password')
    expect(config().keys).toEqual({ dir: join(dir, 'keys'), passwordFile: path })
    const password = configuredPassword(config(), {})
    expect(world.created).toEqual([{ dir: join(dir, 'keys'), password }])
    expect(password).toHaveLength(43)
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe('600')
    // Addresses of chains hold keys of their providers.
    expect(((await stat(join(dir, 'iyi.yaml'))).mode & 0o777).toString(8)).toBe('600')
    expect(world.out() + world.err()).not.toContain(password)
    expect(world.out()).toContain('0xabc')
  })

  test('takes the password from a file, the environment, or a terminal that is asked twice', async () => {
    const world = cliWorld({ env: { IYI_KEYS_PASSWORD: 'from env' } })
    expect(await world.run('init', '--dir', dir)).toBe(0)
    expect(config().keys.passwordFile).toBeUndefined()

    const file = join(dir, 'pw')
    await writeFile(file, 'from a file\n')
    const other = cliWorld()
    expect(await other.run('init', '--dir', join(dir, 'b'), '--password-file', file)).toBe(0)
    expect(loadConfig({ path: join(dir, 'b/iyi.yaml'), env: {} }).config.keys.passwordFile).toBe(file)

    const asked = cliWorld({ stdin: typing('typed here\r', 'typed here\r') })
    expect(await asked.run('init', '--dir', join(dir, 'c'))).toBe(0)
    expect([world, other, asked].map(({ created }) => created[0]?.password)).toEqual([
      'from env',
      'from a file',
      'typed here',
    ])
  })

  test('refuses a password to make and one to take at once', async () => {
    const world = cliWorld()
    expect(await world.run('init', '--dir', dir, '--generate-password', '--password-file', 'x')).toBe(1)
    expect(world.err()).toContain('--password-file')
    expect(world.created).toEqual([])
  })

  test.each([
    ['no terminal', {}, 'CLI_NO_PASSWORD'],
    ['a short password', { env: { IYI_KEYS_PASSWORD: 'short' } }, 'CLI_WEAK_PASSWORD'],
    ['two different entries', { stdin: typing('typed here\r', 'typed hare\r') }, 'CLI_PASSWORD_MISMATCH'],
    ['Ctrl-C', { stdin: typing('typed\u0003') }, 'CLI_INTERRUPTED'],
  ])('%s: writes nothing', async (_, over, code) => {
    const world = cliWorld(over)
    expect(await world.run('init', '--dir', dir)).toBe(1)
    expect(world.err()).toContain(code)
    expect(world.created).toEqual([])
    await expect(stat(dir)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('a configuration that is written again still finds the password that was generated', async () => {
    const world = cliWorld()
    expect(await world.run('init', '--dir', dir, '--generate-password')).toBe(0)
    await writeFile(join(dir, 'iyi.yaml'), 'broken')
    expect(await world.run('init', '--dir', dir, '--force')).toBe(0)
    expect(config().keys.passwordFile).toBe(join(dir, 'keys', 'password'))
    expect(world.created).toHaveLength(1)
  })

  test('keeps a configuration without --force, and keys always', async () => {
    const world = cliWorld({ env: { IYI_KEYS_PASSWORD: 'long enough' } })
    expect(await world.run('init', '--dir', dir)).toBe(0)
    await writeFile(join(dir, 'iyi.yaml'), 'mine')
    expect(await world.run('init', '--dir', dir)).toBe(1)
    expect(world.err()).toContain('CLI_FILE_EXISTS')
    expect(await readFile(join(dir, 'iyi.yaml'), 'utf8')).toBe('mine')
    expect(await world.run('init', '--dir', dir, '--force')).toBe(0)
    expect(config().chains).toHaveLength(1)
    expect(world.created).toHaveLength(1)
    expect(world.out()).toContain('kept the keys')
  })

  test('gives a node that shares its machine five ports of its own', async () => {
    expect(await cliWorld().run('init', '--dir', dir, '--generate-password', '--port-base', '21000')).toBe(0)
    const { database, indexer, network, api, admin } = config()
    expect([database.port, indexer.port, network.listen, api.port, admin.port]).toEqual([
      21_000,
      21_001,
      ['/ip4/127.0.0.1/tcp/21002'],
      21_003,
      21_004,
    ])
  })

  test('never overwrites a password file', async () => {
    await cliWorld().run('init', '--dir', dir, '--generate-password')
    const before = await readFile(join(dir, 'keys/password'), 'utf8')
    const world = cliWorld()
    expect(await world.run('init', '--dir', dir, '--generate-password', '--force')).toBe(1)
    expect(world.err()).toContain('CLI_FILE_EXISTS')
    expect(await readFile(join(dir, 'keys/password'), 'utf8')).toBe(before)
  })
})
