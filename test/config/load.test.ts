import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../node/config/load.ts'
import { configuredPassword } from '../../node/config/password.ts'
import { faultsOf, minimal, parse, paths } from './config-cases.ts'

describe('a configuration', () => {
  test('needs no more than its chains; everything else has a default', () => {
    const { config } = parse(minimal)
    expect(config).toMatchObject({
      dataDir: '/srv/node/data',
      database: { mode: 'embedded', port: 5420, schema: 'iyi' },
      chains: [{ id: 1, confirmations: 12 }],
      indexer: { mode: 'managed', viewsSchema: 'iyi_index', port: 42_069 },
      api: { host: '127.0.0.1', port: 8420, corsOrigins: ['*'] },
      admin: { host: '127.0.0.1', port: 8520, allowRemote: false },
      keys: { dir: '/srv/node/keys' },
      inference: { manifest: 'builtin', providers: ['cpu'] },
      plugins: [],
    })
  })

  test("is frozen, and takes paths from its file's folder", () => {
    const { config, source } = parse({
      ...minimal,
      keys: { dir: '/abs', passwordFile: 'pw' },
      inference: { manifest: 'm.json' },
    })
    expect(config.keys).toEqual({ dir: '/abs', passwordFile: '/srv/node/pw' })
    expect(config.inference.manifest).toBe('/srv/node/m.json')
    expect(source).toEqual({ path: '/srv/node/iyi.yaml', baseDir: '/srv/node', overrides: [] })
    expect(Object.isFrozen(config.chains[0]?.rpc)).toBe(true)
  })

  test('tells every fault at once, with path and remedy', () => {
    const faults = faultsOf({
      api: { prot: 1, maxBodyBytes: 'big' },
      admin: { host: '0.0.0.0', port: 8420 },
      chains: [
        { id: 1, name: 'one', rpc: [] },
        { id: 1, name: 'two', rpc: ['ftp://x'] },
      ],
      plugins: [{ use: 'oracle', grants: ['chain.reed'] }],
      lgo: {},
    })
    expect(paths(faults).toSorted()).toEqual([
      'admin.host',
      'api.maxBodyBytes',
      'api.prot',
      'chains',
      'chains.0.rpc',
      'chains.1.rpc.0',
      'lgo',
      'plugins.0.grants.0',
    ])
    for (const fault of faults) expect(fault.remedy).not.toBe('')
    const remedy = (path: string) => faults.find((fault) => fault.path === path)?.remedy
    expect(remedy('api.prot')).toContain('"port"')
    expect(remedy('lgo')).toContain('"log"')
    expect(remedy('plugins.0.grants.0')).toContain('"chain.read"')
  })

  test('an empty one says what is missing', () => {
    expect(faultsOf(null)).toMatchObject([{ path: 'chains', message: 'is missing' }])
    expect(paths(faultsOf({ chains: [{}] })).toSorted()).toEqual([
      'chains.0.id',
      'chains.0.name',
      'chains.0.rpc',
    ])
  })

  test('refuses a remote admin server unless it is allowed by name', () => {
    expect(paths(faultsOf({ ...minimal, admin: { host: '10.0.0.1' } }))).toEqual(['admin.host'])
    expect(parse({ ...minimal, admin: { host: '10.0.0.1', allowRemote: true } }).config.admin.host).toBe(
      '10.0.0.1',
    )
    for (const host of ['localhost', '127.0.0.2', '::1'])
      expect(faultsOf({ ...minimal, admin: { host } })).toEqual([])
    expect(paths(faultsOf({ ...minimal, admin: { host: '127.0.0.1.evil.example' } }))).toEqual(['admin.host'])
  })

  test('refuses one port for two servers', () => {
    expect(paths(faultsOf({ ...minimal, api: { port: 9 }, admin: { port: 9 } }))).toEqual(['admin.port'])
    expect(faultsOf({ ...minimal, api: { port: 0 }, admin: { port: 0 } })).toEqual([])
  })

  test('the database mode and its url must agree', () => {
    expect(paths(faultsOf({ ...minimal, database: { mode: 'external' } }))).toEqual(['database.url'])
    expect(paths(faultsOf({ ...minimal, database: { url: 'postgres://db/iyi' } }))).toEqual(['database.url'])
    expect(paths(faultsOf({ ...minimal, database: { mode: 'external', url: 'mysql://db/iyi' } }))).toEqual([
      'database.url',
    ])
  })

  test('the database password stands in a file, for an external database only', () => {
    const database = { mode: 'external', url: 'postgres://iyi@db/iyi', passwordFile: 'db.password' }
    expect(parse({ ...minimal, database }).config.database.passwordFile).toBe('/srv/node/db.password')
    expect(paths(faultsOf({ ...minimal, database: { passwordFile: 'x' } }))).toEqual([
      'database.passwordFile',
    ])
  })

  test('secrets in the file are refused, and never repeated', () => {
    const faults = faultsOf({
      ...minimal,
      keys: { password: 'hunter22' },
      database: { mode: 'external', url: 'postgres://iyi:hunter22@db/iyi' },
    })
    expect(paths(faults).toSorted()).toEqual(['database.url', 'keys.password'])
    expect(JSON.stringify(faults)).not.toContain('hunter22')
  })

  test.each([
    ['listen', '/ip4/0.0.0.0/tcp/9420', true],
    ['listen', '0.0.0.0:9420', false],
    ['peers', '/dns4/a.example/tcp/9420/p2p/12D3KooWabc', true],
    ['peers', '/dns4/a.example/tcp/9420', false],
  ])('network.%s %s: %s', (key, address, fine) => {
    expect(faultsOf({ ...minimal, network: { [key]: [address] } })).toHaveLength(fine ? 0 : 1)
  })
})

describe('servers at one port', () => {
  const port = 9_500
  const listen = [`/ip4/127.0.0.1/tcp/${port}`]
  test.each([
    ['admin.port', { api: { port }, admin: { port } }, 'api.port'],
    ['network.listen', { api: { port }, network: { listen } }, 'api.port'],
    ['database.port', { admin: { port }, database: { port } }, 'admin.port'],
    ['database.port', { network: { listen }, database: { port } }, 'network.listen'],
    ['indexer.port', { api: { port }, indexer: { port } }, 'api.port'],
    ['indexer.port', { database: { port }, indexer: { port } }, 'database.port'],
  ])('%s of %o', (path, sections, other) => {
    expect(faultsOf({ ...minimal, ...sections })).toMatchObject([
      { path, message: `has the same port as ${other}` },
    ])
    // Told together with what else is wrong.
    expect(paths(faultsOf({ ...sections, chains: [] })).toSorted()).toEqual(['chains', path].toSorted())
    // Not while one of the two is wrong itself.
    const [section = ''] = other.split('.')
    const spoilt = { [section]: { ...Reflect.get(sections, section), prot: 1 } }
    expect(paths(faultsOf({ ...minimal, ...sections, ...spoilt }))).toEqual([`${section}.prot`])
  })

  test('are fine where none of them listens, or two addresses share one of the peers', () => {
    const external = { mode: 'external', url: 'postgres://iyi@db/iyi', port }
    for (const sections of [
      { api: { port }, database: external },
      { api: { port }, indexer: { mode: 'external', port } },
      { network: { listen: [...listen, `/ip6/::1/tcp/${port}`] } },
    ])
      expect(faultsOf({ ...minimal, ...sections })).toEqual([])
  })
})

test('a peer without its id is told so, with an example', () => {
  const faults = faultsOf({ ...minimal, network: { peers: ['/ip4/10.0.0.2/tcp/9420'] } })
  expect(faults).toMatchObject([
    {
      path: 'network.peers.0',
      message: expect.stringContaining('the peer id is missing'),
      remedy: expect.stringMatching(/For example: \["\/dns4\/.*\/p2p\/12D3KooW/),
    },
  ])
  expect(faultsOf({ ...minimal, network: { peers: ['10.0.0.2:9420'] } })).toMatchObject([
    { message: expect.stringContaining('a multiaddr') },
  ])
})

describe('the environment', () => {
  test('overrides the file, by section and key, typed by the schema', () => {
    const { config, source } = parse(
      { ...minimal, api: { port: 1 } },
      {
        IYI_NAME: '007',
        IYI_API__PORT: '9000',
        IYI_API__CORS_ORIGINS: 'https://a.example, https://b.example',
        IYI_ADMIN__ALLOW_REMOTE: 'true',
        IYI_CHAINS__0__RPC: 'https://k1.example,https://k2.example',
        IYI_PLUGINS: '[{ use: oracle, grants: [quorum] }]',
        IYI_LOG__LEVEL: '',
        PATH: '/bin',
      },
    )
    expect(config.name).toBe('007')
    expect(config.api).toMatchObject({ port: 9_000, corsOrigins: ['https://a.example', 'https://b.example'] })
    expect(config.admin.allowRemote).toBe(true)
    expect(config.chains[0]?.rpc).toEqual(['https://k1.example', 'https://k2.example'])
    expect(config.plugins).toEqual([{ use: 'oracle', grants: ['quorum'], config: {} }])
    expect(config.log.level).toBe('info')
    expect(source.overrides.toSorted()).toEqual([
      'IYI_ADMIN__ALLOW_REMOTE',
      'IYI_API__CORS_ORIGINS',
      'IYI_API__PORT',
      'IYI_CHAINS__0__RPC',
      'IYI_NAME',
      'IYI_PLUGINS',
    ])
  })

  test('DATABASE_URL means an external database, and may hold the password', () => {
    const { config } = parse(minimal, { DATABASE_URL: 'postgres://iyi:pw@db/iyi' })
    expect(config.database).toMatchObject({ mode: 'external', url: 'postgres://iyi:pw@db/iyi' })
  })

  test('names the variable at fault', () => {
    expect(faultsOf(minimal, { IYI_API__PORT: 'many' })).toMatchObject([
      { path: 'api.port', from: 'IYI_API__PORT' },
    ])
    expect(faultsOf(minimal, { IYI_APY__PORT: '1' })).toMatchObject([
      { from: 'IYI_APY__PORT', remedy: 'did you mean IYI_API__PORT?' },
    ])
    expect(faultsOf(minimal, { IYI_CHAINS__7__NAME: 'x' })).toMatchObject([{ from: 'IYI_CHAINS__7__NAME' }])
    expect(faultsOf(minimal, { IYI_PLUGINS: '[' })).toMatchObject([{ from: 'IYI_PLUGINS' }])
  })

  test('can not reach into prototypes', () => {
    expect(faultsOf(minimal, { IYI___PROTO____X: '1' })).toHaveLength(1)
    expect(faultsOf({ ...minimal, api: JSON.parse('{"__proto__": {"port": 1}}') })).toHaveLength(1)
  })
})

describe('the file', () => {
  let dir = ''
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'iyi-config-'))
  })
  afterAll(() => rm(dir, { recursive: true }))
  const load = async (text: string) => {
    await writeFile(join(dir, 'iyi.yaml'), text)
    return loadConfig({ path: join(dir, 'iyi.yaml'), env: {} }).config
  }
  const chains = 'chains: [{ id: 1, name: a, rpc: [https://rpc.example.org] }]\n'

  test('is YAML in which 0x is text', async () => {
    const { plugins } = await load(
      `${chains}plugins: [{ use: x, config: { address: 0x0000000000000000000000000000000000000001 } }]`,
    )
    expect(plugins[0]?.config).toEqual({ address: '0x0000000000000000000000000000000000000001' })
  })

  test('must quote numbers that would be rounded', async () => {
    const text = `${chains}plugins: [{ use: x, config: { wei: 1000000000000000001 } }]`
    await expect(load(text)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      data: { faults: [{ from: 'file' }] },
    })
    expect(
      (await load(text.replace('1000000000000000001', '"1000000000000000001"'))).plugins[0]?.config,
    ).toEqual({
      wei: '1000000000000000001',
    })
  })

  test.each([
    ['api: [', 'CONFIG_SYNTAX'],
    ['api: {}\napi: {}', 'CONFIG_SYNTAX'],
    ['- 1', 'CONFIG_INVALID'],
    ['', 'CONFIG_INVALID'],
  ])('%j is refused with %s', async (text, code) => {
    await expect(load(text)).rejects.toMatchObject({ code })
  })

  test('that is not there is told apart', () => {
    expect(() => loadConfig({ path: join(dir, 'none.yaml'), env: {} })).toThrow(
      expect.objectContaining({ code: 'CONFIG_NOT_FOUND' }),
    )
    expect(() => loadConfig({ path: dir, env: {} })).toThrow(
      expect.objectContaining({ code: 'CONFIG_UNREADABLE' }),
    )
  })

  test('of the password gives its first line; the environment wins', async () => {
    const passwordFile = join(dir, 'pw')
    await writeFile(passwordFile, 'correct horse\n')
    const keys = { dir, passwordFile }
    expect(configuredPassword({ keys }, {})).toBe('correct horse')
    expect(configuredPassword({ keys }, { IYI_KEYS_PASSWORD: 'other' })).toBe('other')
    expect(configuredPassword({ keys: { dir } }, {})).toBeNull()
    expect(() => configuredPassword({ keys: { dir, passwordFile: join(dir, 'nope') } }, {})).toThrow(
      expect.objectContaining({ code: 'CONFIG_NO_PASSWORD' }),
    )
    await writeFile(passwordFile, '\n')
    expect(() => configuredPassword({ keys }, {})).toThrow(
      expect.objectContaining({ code: 'CONFIG_NO_PASSWORD' }),
    )
  })
})
