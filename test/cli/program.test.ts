import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { StartContext } from '../../node/cli/deps.ts'
import { parseConfig } from '../../node/config/load.ts'
import type { NodeConfig } from '../../node/config/schema.ts'
import { minimal } from '../config/config-cases.ts'
import { cliWorld, TestError, typing } from './cli-world.ts'

let dir = ''
let file = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-cli-'))
  file = join(dir, 'iyi.yaml')
  await writeFile(
    file,
    JSON.stringify({ ...minimal, chains: [{ ...minimal.chains[0], rpc: ['https://a.example/KEY123'] }] }),
  )
  await writeFile(join(dir, 'bad.yaml'), 'chains: []\napi: { prt: 1 }\n')
})
afterAll(() => rm(dir, { recursive: true }))

describe('usage', () => {
  test('help and version end with 0, on standard output', async () => {
    for (const [args, text] of [
      [['--help'], 'Usage: iyi'],
      [['--version'], '1.2.3'],
      [['start', '--help'], '--config'],
      [['help', 'devnet'], '--validators'],
    ] as const) {
      const world = cliWorld()
      expect(await world.run(...args)).toBe(0)
      expect(world.out()).toContain(text)
      expect(world.err()).toBe('')
    }
  })

  test('no verb prints help on standard error and ends with 1', async () => {
    const world = cliWorld()
    expect(await world.run()).toBe(1)
    expect(world.err()).toContain('Usage: iyi')
    expect(world.out()).toBe('')
  })

  test('an unknown verb or option ends with 1 and names the near one', async () => {
    const world = cliWorld()
    expect(await world.run('strat')).toBe(1)
    expect(world.err()).toContain('start')
    expect(await cliWorld().run('start', '--confg', 'x')).toBe(1)
  })
})

describe('start', () => {
  test('runs the node with the checked configuration', async () => {
    let seen: { config: NodeConfig; context: StartContext } | undefined
    const world = cliWorld({
      env: { IYI_API__PORT: '9001', IYI_KEYS_PASSWORD: 'from the environment' },
      startNode: async (config, context) => {
        seen = { config, context }
      },
    })
    expect(await world.run('start', '--config', file)).toBe(0)
    expect(seen?.config.api.port).toBe(9_001)
    expect(seen?.context.source).toEqual({ path: file, baseDir: dir, overrides: ['IYI_API__PORT'] })
    expect(await seen?.context.keysPassword()).toBe('from the environment')
  })

  test('asks the terminal for the password where no secret is configured, and fails where there is none', async () => {
    const passwords: string[] = []
    const startNode = async (_: NodeConfig, context: StartContext) =>
      void passwords.push(await context.keysPassword())
    const stdin = typing('sec\u007fcret!\r')
    const world = cliWorld({ stdin, startNode })
    expect(await world.run('start', '-c', file)).toBe(0)
    expect(passwords).toEqual(['secret!'])
    expect(stdin.modes).toEqual([true, false])
    expect(world.err()).not.toContain('cret')

    const piped = cliWorld({ startNode })
    expect(await piped.run('start', '-c', file)).toBe(1)
    expect(piped.err()).toContain('CLI_NO_PASSWORD')
    expect(await cliWorld({ stdin: typing('abc\u0003'), startNode }).run('start', '-c', file)).toBe(1)
  })

  test('a bad configuration ends with 1 and prints every fault', async () => {
    const world = cliWorld()
    expect(await world.run('start', '--config', join(dir, 'bad.yaml'))).toBe(1)
    expect(world.err()).toContain('error CONFIG_INVALID')
    expect(world.err()).toContain('chains')
    expect(world.err()).toContain('api.prt')
    expect(world.err()).toContain('"port"')
  })

  test.each([
    [new TestError(true), 75, 'error TEST_FAILED: do this next'],
    [new TestError(false), 1, 'error TEST_FAILED: do this next'],
    [new TypeError('surprise'), 1, 'error UNEXPECTED: surprise'],
  ])('%s ends with %i', async (error, code, text) => {
    const startNode = () => Promise.reject(error)
    const world = cliWorld({ startNode })
    expect(await world.run('start', '-c', file)).toBe(code)
    expect(world.err()).toContain(text)
    expect(world.err()).not.toContain('    at ')
    const verbose = cliWorld({ startNode })
    expect(await verbose.run('start', '-c', file, '--verbose')).toBe(code)
    expect(verbose.err()).toContain('    at ')
  })
})

describe('config check', () => {
  const listKeystores = async () => [{ role: 'consensus', identity: '0xabc', file: 'consensus.json' }]

  test('prints what is in effect as YAML, without secrets, and the plugins beside it', async () => {
    const checked = {
      id: 'hello',
      version: '1.0.0',
      summary: 'Says hello',
      source: './hello',
      needs: ['store'],
    }
    const world = cliWorld({
      env: { IYI_LOG__LEVEL: 'warn' },
      listKeystores,
      checkPlugins: async () => [checked],
    })
    expect(await world.run('config', 'check', '--config', file)).toBe(0)
    const shown: unknown = parse(world.out())
    expect(shown).toMatchObject({ log: { level: 'warn' }, chains: [{ rpc: ['https://a.example/***'] }] })
    // What is printed is itself a configuration.
    expect(parseConfig({ value: shown, path: file }).config.log.level).toBe('warn')
    expect(world.err()).toContain('hello 1.0.0')
    expect(world.err()).toContain('IYI_LOG__LEVEL')
  })

  test('fails when a plugin does', async () => {
    const world = cliWorld({ listKeystores, checkPlugins: () => Promise.reject(new TestError(false)) })
    expect(await world.run('config', 'check', '--config', file)).toBe(1)
    expect(world.out()).toBe('')
  })

  test('tells keys and a password file that are not there, together', async () => {
    const path = join(dir, 'no-password.yaml')
    await writeFile(path, JSON.stringify({ ...minimal, keys: { passwordFile: 'nowhere' } }))
    const world = cliWorld()
    expect(await world.run('config', 'check', '--config', path)).toBe(1)
    expect(world.err()).toMatch(/error CONFIG_INVALID: 2 faults/)
    expect(world.err()).toMatch(/keys\.dir: there are no keys in[\s\S]*keys\.passwordFile: .*nowhere/)
    // A password of the environment needs no file.
    const env = { IYI_KEYS_PASSWORD: 'from the environment' }
    expect(await cliWorld({ env, listKeystores }).run('config', 'check', '--config', path)).toBe(0)
  })
})

describe('keys list', () => {
  test('prints the public side of each key', async () => {
    const key = { role: 'report', identity: '0xabc', file: '/k/report.json' }
    const world = cliWorld({
      listKeystores: async ({ dir: keys }) => (keys === join(dir, 'keys') ? [key] : []),
      keyRoles: ['report'],
    })
    expect(await world.run('keys', 'list', '-c', file)).toBe(0)
    expect(world.out()).toBe('report  0xabc  /k/report.json\n')
  })

  test('names the keys that are missing, and fails', async () => {
    const key = { role: 'report', identity: '0xabc', file: '/k/report.json' }
    const world = cliWorld({ listKeystores: async () => [key], keyRoles: ['report', 'peer', 'sender'] })
    expect(await world.run('keys', 'list', '-c', file)).toBe(1)
    expect(world.out()).toContain('0xabc')
    expect(world.err()).toMatch(/CLI_KEYS_MISSING: the peer and the sender key are missing/)
    const none = cliWorld()
    expect(await none.run('keys', 'list', '-c', file)).toBe(1)
    expect(none.err()).toContain('iyi init')
  })
})

describe('devnet', () => {
  test('passes its options, checked', async () => {
    const world = cliWorld()
    expect(await world.run('devnet')).toBe(0)
    expect(
      await world.run('devnet', '--port-base', '20000', '--dir', 'x', '--validators', '7', '--seed', '9'),
    ).toBe(0)
    expect(world.devnets).toEqual([{ validators: 4 }, { portBase: 20_000, dir: 'x', validators: 7, seed: 9 }])
    for (const args of [
      ['--validators', '3'],
      ['--seed', '-1'],
      ['--port-base', '1e4'],
      ['--validators', 'x'],
    ]) {
      expect(await cliWorld().run('devnet', ...args)).toBe(1)
    }
  })
})
