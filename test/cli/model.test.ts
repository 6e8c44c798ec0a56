import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nodeInference } from '../../node/compose/inference.ts'
import { benchModel } from '../../node/compose/models/bench.ts'
import { calibrateModel } from '../../node/compose/models/calibrate/calibrate.ts'
import { decideVersion } from '../../node/compose/models/decide.ts'
import {
  addFromPeers,
  addModel,
  listModels,
  removeModel,
  showModel,
} from '../../node/compose/models/library.ts'
import { packModel } from '../../node/compose/models/pack.ts'
import { quiet, verifyFolder, verifyKnown } from '../../node/compose/models/verify.ts'
import { loadConfig } from '../../node/config/load.ts'
import { until } from '../e2e/kit/until.ts'
import { start } from '../inference/fixture.ts'
import { float32, tinyFolder } from '../inference/tiny-fixture.ts'
import { borrowing, centering, counting, dividing, lookup, unary } from '../inference/tiny-onnx.ts'
import { cliWorld } from './cli-world.ts'

/** A folder with a configuration and an ONNX file; `iyi` runs a verb for real. */
async function world(onnx: Uint8Array = unary('Add', 'float32', ['n', 2], 2)) {
  const folder = await tinyFolder()
  const at = (name: string) => join(folder, name)
  await writeFile(
    at('iyi.yaml'),
    'dataDir: data\nchains:\n  - { id: 1, name: one, rpc: [http://127.0.0.1:1] }\n',
  )
  await writeFile(at('net.onnx'), onnx)
  const config = ['--config', at('iyi.yaml')]
  const iyi = async (...args: string[]) => {
    const cli = cliWorld({
      models: {
        pack: packModel,
        verify: (options) => verifyFolder(options.folder),
        verifyKnown: (given, options) => verifyKnown(given, options.model),
        calibrate: calibrateModel,
        addFromPeers,
        add: addModel,
        remove: (given, options) => removeModel(given, options.model),
        list: listModels,
        bench: benchModel,
        decide: decideVersion,
        show: (given, options) => showModel(given, options.model),
      },
    })
    const code = await cli.run('model', ...args)
    return { code, out: cli.out(), err: cli.err() }
  }
  const pack = (version: string, ...more: string[]) =>
    iyi(
      'pack',
      at('net.onnx'),
      '--id',
      'net',
      '--model-version',
      version,
      '--out',
      at(`net-${version}`),
      ...more,
    )
  return { at, iyi, pack, config, library: at('data/models') }
}

describe('iyi model pack', () => {
  it('writes a folder that passes its own tests, the same each time', async () => {
    const { pack, iyi, at } = await world()
    const first = await pack('1', '--batched', '--goldens', '5')
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/^0x[0-9a-f]{64}\n$/) })
    expect((await readdir(at('net-1'))).sort()).toEqual(['goldens.json', 'model.json', 'net.onnx'])
    const again = await iyi(
      ...['pack', at('net.onnx'), '--id', 'net', '--model-version', '1', '--out', at('again')],
      ...['--batched', '--goldens', '5'],
    )
    expect(again.out).toBe(first.out)
    expect(await iyi('verify', at('net-1'))).toMatchObject({ code: 0, out: first.out })
    const { cases } = JSON.parse(await readFile(at('net-1/goldens.json'), 'utf8'))
    expect(cases).toHaveLength(5)
    expect(cases[0].outputs.y.map(Number)).toEqual(
      cases[0].inputs.x.values.map((value: number) => expect.closeTo(value * 200, -2)),
    )
  })

  it('takes inputs of your own', async () => {
    const { pack, at } = await world(lookup([10, 20, 30, 40]))
    await writeFile(at('inputs.json'), JSON.stringify([{ x: { shape: [2], values: [3_000_000, 0] } }]))
    expect((await pack('1', '--inputs', at('inputs.json'), '--decimals', '0')).code).toBe(0)
    const { cases } = JSON.parse(await readFile(at('net-1/goldens.json'), 'utf8'))
    expect(cases[0].outputs.y).toEqual(['40', '10'])
  })

  it('makes a reference of a sample, which the digest binds and a node holds its runs against', async () => {
    const { pack, iyi, at, config } = await world()
    const line = (i: number) =>
      JSON.stringify({ x: { shape: [1, 2], values: [i * 10_000, (i % 3) * 1_000_000] } })
    await writeFile(at('sample.ndjson'), `${Array.from({ length: 200 }, (_, i) => line(i)).join('\n')}\n`)
    const bare = await pack('1', '--batched')
    const packed = await pack('2', '--batched', '--reference', at('sample.ndjson'))
    expect(packed).toMatchObject({ code: 0 })
    expect(packed.out).not.toBe(bare.out)
    const { reference } = JSON.parse(await readFile(at('net-2/model.json'), 'utf8'))
    const [x] = reference.inputs
    expect(x.columns.map(({ name }: { name: string }) => name)).toEqual(['x.0', 'x.1'])
    expect(x.columns[0].edges).toHaveLength(9)
    // Three values, a bin each.
    expect(x.columns[1]).toMatchObject({ edges: ['0.5', '1.5'], counts: [67, 67, 66] })
    expect(reference.outputs[0]).toMatchObject({ tensor: 'y' })
    await iyi('add', at('net-2'), ...config)
    const shown = JSON.parse((await iyi('show', 'net', ...config)).out)
    expect(shown.reference).toContainEqual({ name: 'x.0', values: 200 })
  })

  it.each([
    ['is not there', null, 'can not be read'],
    ['is empty', '', 'no input'],
    ['is no JSON', '{}\nnonsense\n', 'line'],
    ['has something else', '{"x": [1, 2]}\n', 'line 1'],
    ['has one input', `{"x": {"shape": [1, 2], "values": [1000000, 0]}}\n`, '200'],
    ['lacks an input', '{"z": {"shape": [1], "values": [1]}}\n', 'no x'],
  ])('refuses a sample that %s', async (_, text, said) => {
    const { pack, at } = await world()
    if (text !== null) await writeFile(at('sample.ndjson'), text)
    const { code, err } = await pack('1', '--reference', at('sample.ndjson'))
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(said) })
    expect(await readdir(at('.'))).not.toContain('net-1')
  })

  it.each<[string, Uint8Array, readonly string[], string]>([
    ['weights elsewhere', borrowing('../../etc/passwd'), [], 'one file'],
    ['rows that depend on each other', centering(), ['--batched'], 'depend on each other'],
    ['no dynamic first size', counting(), ['--batched'], 'dynamic first size'],
    ['an operator nobody knows', unary('NoSuchOperator', 'float32', [2]), [], 'NoSuchOperator'],
    ['no model', Buffer.from('text'), [], 'no ONNX file'],
    ['an output that there is not', dividing(), ['--output', 'z'], '--output'],
    ['inputs that are missing', dividing(), ['--inputs', '/no/such/file'], '/no/such/file'],
  ])('leaves no folder for %s', async (_, onnx, more, said) => {
    const { pack, at } = await world(onnx)
    const { code, out, err } = await pack('1', ...more)
    expect({ code, out, err }).toMatchObject({ code: 1, out: '', err: expect.stringContaining(said) })
    expect((await readdir(at('.'))).sort()).toEqual(['iyi.yaml', 'net.onnx'])
  })

  it('never writes into a folder that is there', async () => {
    const { pack } = await world()
    await pack('1')
    expect(await pack('1')).toMatchObject({ code: 1, err: expect.stringContaining('--out') })
  })
})

describe('iyi model add, list, show, remove', () => {
  it('a running node takes a model up and gives it up', async () => {
    const { pack, iyi, at, config, library } = await world()
    const { inference } = await start(
      [{ path: join(library, 'manifest.json'), optional: true, byDigest: true }],
      { watchMs: 20 },
    )
    const digest = (await pack('1', '--batched')).out.trim()
    expect(await iyi('add', at('net-1'), ...config)).toMatchObject({ code: 0, out: `${digest}\n` })
    await until('it is there', () => inference.models().length === 1, { withinMs: 20_000, everyMs: 20 })
    expect(inference.models()[0]).toMatchObject({ id: 'net', digest, status: { ok: true } })
    const answer = await inference.run({ model: digest, inputs: { x: float32([1, 2], 1, 2) } })
    expect(answer.quantized).toEqual([200_000_000n, 400_000_000n])

    const listed = (await iyi('list', ...config)).out
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/))
    expect(listed).toContainEqual(['volatility', '1.0.0', expect.any(String), 'node'])
    expect(listed.filter((line) => line.at(-1) === 'added')).toEqual([['net', '1', digest, 'added']])
    expect(JSON.parse((await iyi('show', 'net', ...config)).out)).toMatchObject({
      ...{ digest, opset: 17, producer: 'tiny-onnx', operators: { Add: 1 }, parameters: 0 },
      inputs: [{ name: 'x', type: 'float32', shape: [null, 2] }],
    })

    expect(await iyi('remove', 'net', ...config)).toMatchObject({ code: 0, out: `${digest}\n` })
    await until('it is gone', () => inference.models().length === 0, { withinMs: 20_000, everyMs: 20 })
    expect(await readdir(library)).toEqual(['manifest.json'])
  })

  it('show prints all that an entry says, and that there is no more', async () => {
    const { pack, iyi, at, config } = await world()
    await pack('1', '--batched')
    const path = at('net-1/model.json')
    const entry = {
      ...JSON.parse(await readFile(path, 'utf8')),
      preprocessing: [{ op: 'clip', tensor: 'x', min: '-1', max: '1' }],
      postprocessing: [{ op: 'scale', tensor: 'y', multiply: '1', add: '0' }],
      agreement: { rule: 'top-k', k: 2, margin: '7' },
      request: { decimals: 6 },
    }
    await writeFile(path, JSON.stringify(entry))
    expect(await iyi('add', at('net-1'), ...config)).toMatchObject({ code: 0 })
    const shown = async (name: string) => JSON.parse((await iyi('show', name, ...config)).out)
    expect(await shown('net')).toMatchObject({ ...entry, features: null, reference: [] })
    expect(await shown('transfer-risk')).toMatchObject({
      ...{ request: { decimals: 6 }, features: { set: 'transfer', version: 1 }, agreement: null },
    })
    expect(await shown('volatility')).toMatchObject({ request: null })
  })

  it('refuses what does not hold what it promises, and changes nothing', async () => {
    const { pack, iyi, at, config, library } = await world()
    await pack('1')
    await appendFile(at('net-1/net.onnx'), 'x')
    expect(await iyi('add', at('net-1'), ...config)).toMatchObject({
      ...{ code: 1, out: '', err: expect.stringContaining('SHA-256') },
    })
    await pack('2')
    const entry = JSON.parse(await readFile(at('net-2/model.json'), 'utf8'))
    await writeFile(at('net-2/model.json'), JSON.stringify({ ...entry, opset: 12 }))
    expect(await iyi('add', at('net-2'), ...config)).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('operator set') },
    })
    expect(await iyi('verify', at('nothing'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('pack'),
    })
    expect(await readdir(library)).toEqual([])
  })

  it('verifies what the node has, by id or digest', async () => {
    const { pack, iyi, at, config, library } = await world()
    const digest = (await pack('1')).out.trim()
    await iyi('add', at('net-1'), ...config)
    for (const name of ['net', digest])
      expect(await iyi('verify', name, ...config)).toMatchObject({ code: 0, out: `${digest}\n` })
    expect(await iyi('verify', 'volatility', ...config)).toMatchObject({
      ...{ code: 0, err: expect.stringContaining('volatility 1.0.0 passed') },
    })
    await appendFile(join(library, digest, 'net.onnx'), 'x')
    expect(await iyi('verify', 'net', ...config)).toMatchObject({
      ...{ code: 1, out: '', err: expect.stringContaining('SHA-256') },
    })
    expect(await iyi('verify', 'nobody', ...config)).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('iyi model list') },
    })
  })

  it('tells versions apart, and one that is there already', async () => {
    const { pack, iyi, at, config } = await world()
    const digests = [(await pack('1')).out.trim(), (await pack('2')).out.trim()]
    for (const version of ['1', '2']) await iyi('add', at(`net-${version}`), ...config)
    expect(await iyi('add', at('net-1'), ...config)).toMatchObject({
      ...{ code: 1, err: expect.stringContaining(`iyi model remove ${digests[0]}`) },
    })
    expect((await iyi('remove', 'net', ...config)).out.trim()).toBe(digests[1])
    expect((await iyi('remove', String(digests[0]), ...config)).code).toBe(0)
    for (const model of ['net', 'volatility'])
      expect(await iyi('remove', model, ...config)).toMatchObject({
        ...{ code: 1, err: expect.stringContaining('iyi model list') },
      })
  })

  it('two at once do not lose each other; a lock whose owner died is taken over', async () => {
    const { pack, iyi, at, config, library } = await world()
    for (const version of ['1', '2', '3']) await pack(version)
    const both = await Promise.all(['1', '2'].map((version) => iyi('add', at(`net-${version}`), ...config)))
    // Where they meet, one is told to come again; where they do not, both are done.
    const done = both.filter(({ code }) => code === 0)
    expect(done.length).toBeGreaterThanOrEqual(1)
    for (const refused of both.filter(({ code }) => code !== 0))
      expect(refused).toMatchObject({ code: 75, err: expect.stringContaining('Try again') })
    // A process id that no process has.
    await writeFile(join(library, 'manifest.json.lock'), String(2 ** 30))
    await mkdir(join(library, '.new-left'))
    expect((await iyi('add', at('net-3'), ...config)).code).toBe(0)
    const added = (await iyi('list', ...config)).out.split('\n').filter((line) => line.endsWith('added'))
    expect(added).toHaveLength(done.length + 1)
    expect((await readdir(library)).filter((name) => /^\.|lock|new/.test(name))).toEqual([])
  })
})

describe('iyi model promote, rollback, retry', () => {
  it('decide of a version that a running node tries', async () => {
    const { pack, iyi, at, config, library } = await world()
    const [one = '', two = ''] = [(await pack('1')).out.trim(), (await pack('2')).out.trim()]
    for (const version of ['1', '2']) await iyi('add', at(`net-${version}`), ...config)
    const plain = await readFile(at('iyi.yaml'), 'utf8')
    await writeFile(
      at('iyi.yaml'),
      `${plain}inference:\n  candidates:\n    net: { digest: '${two}', shadow: 1 }\n`,
    )
    const states = join(library, 'versions')
    const standing = async () =>
      (await iyi('list', ...config)).out.split('\n').flatMap((line) => {
        const [id, version, , , state = 'plain'] = line.split(/ {2,}/)
        return id === 'net' ? [`${version} ${state}`] : []
      })
    expect(await standing()).toEqual(['1 plain', '2 candidate'])
    // The other verbs mean the version at work too.
    expect((await iyi('show', 'net', ...config)).out).toContain(one)

    const { config: loaded } = loadConfig({ path: at('iyi.yaml'), env: {} })
    const guard = { watch: () => {}, release: () => {} }
    const inference = nodeInference(loaded, { ...quiet(), guard })
    onTestFinished(() => inference.stop())
    await inference.start()
    const means = async () =>
      (await inference.run({ model: 'net', inputs: { x: float32([1, 2], 1, 2) } })).digest
    const comes = (digest: string) =>
      until(`net means ${digest}`, async () => (await means()) === digest, { withinMs: 30_000, everyMs: 50 })
    expect(await means()).toBe(one)

    expect(await iyi('rollback', one, ...config)).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('would be left') },
    })
    expect(await iyi('promote', 'net', ...config)).toMatchObject({ code: 0, out: `${two}\n` })
    await comes(two)
    expect(await standing()).toEqual(['1 plain', '2 plain'])
    expect(await iyi('promote', one, ...config)).toMatchObject({
      ...{ code: 1, err: expect.stringContaining(two) },
    })
    expect(await iyi('rollback', 'net', ...config)).toMatchObject({ code: 0 })
    await comes(one)
    expect(await standing()).toEqual(['1 plain', '2 set-aside'])
    expect(await iyi('retry', two, ...config)).toMatchObject({ code: 0 })
    expect(await standing()).toEqual(['1 plain', '2 candidate'])
    expect(await readdir(states)).toEqual([])
    for (const wrong of [one, 'volatility', `0x${'00'.repeat(32)}`])
      expect((await iyi('retry', wrong, ...config)).code).toBe(1)

    // What was decided of a version goes with it.
    await iyi('rollback', two, ...config)
    await iyi('remove', two, ...config)
    expect(await readdir(states)).toEqual([])
  })
})

describe('iyi model add from an address', () => {
  async function serving(
    answer: (path: string) => { status?: number; location?: string; body?: Uint8Array },
  ) {
    const asked: string[] = []
    const server = createServer(({ url = '' }, response) => {
      asked.push(url)
      const { status = 200, location, body } = answer(url)
      response.writeHead(status, location === undefined ? {} : { location }).end(body)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }

  it('fetches a folder, and what ipfs:// means through a gateway', async () => {
    const { pack, iyi, at, config } = await world()
    const digest = (await pack('1')).out.trim()
    const { url, asked } = await serving((path) =>
      path.startsWith('/old/')
        ? { status: 302, location: path.replace('/old/', '/ipfs/bafy1/') }
        : { body: readFileSync(at(path.replace('/ipfs/bafy1/', 'net-1/'))) },
    )
    const wrong = ['--digest', `0x${'1'.repeat(64)}`]
    expect(await iyi('add', `${url}/old`, ...wrong, ...config)).toMatchObject({
      ...{ code: 1, err: expect.stringContaining(digest) },
    })
    expect(await iyi('add', `${url}/old`, '--digest', digest, ...config)).toMatchObject({
      ...{ code: 0, out: `${digest}\n` },
    })
    await iyi('remove', 'net', ...config)
    const added = await iyi('add', 'ipfs://bafy1', '--gateway', url, ...config)
    expect(added).toMatchObject({ code: 0, out: `${digest}\n`, err: expect.stringContaining('compare') })
    expect(asked.slice(-3)).toEqual(
      ['model.json', 'net.onnx', 'goldens.json'].map((file) => `/ipfs/bafy1/${file}`),
    )
  })

  it('refuses other files than the entry binds, paths out of the folder, endless and diverted answers', async () => {
    const { pack, iyi, at, config, library } = await world()
    await pack('1')
    const file = (path: string) => readFileSync(at(`net-1${path}`))
    const entry = JSON.parse(file('/model.json').toString())
    const answers: Record<string, Parameters<typeof serving>[0]> = {
      'SHA-256': (path) => ({ body: path === '/net.onnx' ? Buffer.from('other') : file(path) }),
      'not a path inside': () => ({ body: Buffer.from(JSON.stringify({ ...entry, file: '../../evil' })) }),
      'more than 1048576 bytes': () => ({ body: Buffer.alloc(2 ** 20 + 1, 32) }),
      'not https': () => ({ status: 302, location: 'http://example.com/' }),
      'more than 5 times': (path) => ({ status: 302, location: path }),
      'answered 404': () => ({ status: 404 }),
    }
    for (const [said, answer] of Object.entries(answers)) {
      const { url } = await serving(answer)
      expect(await iyi('add', url, ...config)).toMatchObject({ code: 1, err: expect.stringContaining(said) })
    }
    for (const source of ['http://example.com/m', 'ftp://127.0.0.1/m', 'ipfs://bafy1'])
      expect(await iyi('add', source, ...config)).toMatchObject({
        ...{ code: 1, err: expect.stringContaining('MODEL_UNREACHABLE') },
      })
    expect(await readdir(library)).toEqual([])
  })
})

describe('iyi model add peer:<digest>', () => {
  const digest = `0x${'ab'.repeat(32)}`

  it('leaves the wish to the node, lists and ends it', async () => {
    const { iyi, config, library } = await world()
    expect(await iyi('add', `peer:${digest}`, ...config)).toMatchObject({
      ...{ code: 0, out: `${digest}\n`, err: expect.stringContaining('iyi model list') },
    })
    expect((await iyi('list', ...config)).out).toMatch(
      new RegExp(`^-  -  ${digest}  wanted  waiting: no node`, 'm'),
    )
    expect(await iyi('remove', digest, ...config)).toMatchObject({ code: 0, out: `${digest}\n` })
    expect((await iyi('list', ...config)).out).not.toContain(digest)
    expect(await readdir(join(library, 'wanted'))).toEqual([])
  })

  it('refuses what names no model, what is there, and options that say it twice', async () => {
    const { pack, iyi, at, config } = await world()
    const known = (await pack('1')).out.trim()
    await iyi('add', at('net-1'), ...config)
    for (const [source, said, ...more] of [
      ['peer:net', 'MODEL_UNREACHABLE'],
      [`peer:${known}`, 'MODEL_EXISTS'],
      [`peer:${digest}`, 'CLI_BAD_OPTIONS', '--digest', digest],
    ] as const)
      expect(await iyi('add', source, ...more, ...config)).toMatchObject({
        ...{ code: 1, out: '', err: expect.stringContaining(said) },
      })
  })
})

it('iyi model bench says how fast a model answers, alone and 64 at once', async () => {
  const { iyi, config } = await world()
  const { code, out, err } = await iyi('bench', 'volatility', '--seconds', '1', ...config)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const figures = out
    .trim()
    .split('\n')
    .map((line) => line.match(/[0-9.]+/g)?.map(Number) ?? [])
  expect(figures.map(([rows]) => rows)).toEqual([1, 64])
  for (const [rows = 0, perSecond = 0, , p50 = 0, , p99 = 0, runs = 0] of figures) {
    expect(p99).toBeGreaterThanOrEqual(p50)
    expect(perSecond).toBeLessThanOrEqual(rows * runs)
    expect(perSecond).toBeGreaterThan(0)
  }
  expect(await iyi('bench', 'nobody', ...config)).toMatchObject({
    code: 1,
    err: expect.stringContaining('MODEL_UNKNOWN'),
  })
})

describe('iyi model calibrate', () => {
  const few = ['--inputs', '6']

  /** Exports the results of another machine: one with a data folder of its own. */
  async function elsewhere({ at, iyi }: Awaited<ReturnType<typeof world>>, name = 'there') {
    const text = await readFile(at('iyi.yaml'), 'utf8')
    await writeFile(at(`${name}.yaml`), text.replace('dataDir: data', `dataDir: ${name}`))
    const results = at(`${name}.json`)
    const more = ['--export', results, '--config', at(`${name}.yaml`)]
    expect(await iyi('calibrate', at('net-1'), ...few, ...more)).toMatchObject({ code: 0 })
    return results
  }

  it('prints how far answers drift, and writes what other machines hold theirs against', async () => {
    const here = await world()
    const { pack, iyi, at, config } = here
    await pack('1', '--batched')
    const { code, out, err } = await iyi(
      'calibrate',
      at('net-1'),
      ...few,
      '--export',
      at('here.json'),
      ...config,
    )
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('--peers') })
    expect(out).toContain('| cpu   | all          | 1       | 0       | 0       | 0       | 0        |')
    expect(out).toContain('net 1: 14 inputs, 32 ways here, results of 0 other machines')
    expect(out).toMatch(/twice as much +tolerance 2 units or 0 ppm, 8 decimals/)
    // One machine is no reason for less than what stands.
    expect(out).toMatch(/proposed +tolerance 20 units or 100 ppm, 8 decimals/)
    const there = await elsewhere(here)
    expect((await iyi('calibrate', at('net-1'), ...few, '--peers', there, ...config)).out).toMatch(
      /results of 1 other machines[\s\S]*proposed +tolerance 2 units or 0 ppm/,
    )
    expect((await iyi('calibrate', 'volatility', '--inputs', '2', ...config)).out).toContain(
      'volatility 1.0.0: 14 inputs',
    )
  })

  it("refuses one's own results as another machine's, and another machine's twice", async () => {
    const here = await world()
    const { pack, iyi, at, config } = here
    await pack('1', '--batched')
    const calibrate = (...more: string[]) => iyi('calibrate', at('net-1'), ...few, ...more, ...config)
    await calibrate('--export', at('here.json'))
    // A later export of the same machine is of the same machine, and so is a copy.
    await calibrate('--export', at('later.json'))
    const there = await elsewhere(here)
    await writeFile(at('copy.json'), await readFile(there))
    for (const [said, ...peers] of [
      ['here.json can not be used: it was exported with the data folder', there, at('here.json')],
      ['later.json can not be used: it was exported with the data folder', at('later.json')],
      ['copy.json can not be used: it comes from the same machine', there, at('copy.json')],
    ] as const) {
      const before = await readFile(at('net-1/model.json'), 'utf8')
      expect(await calibrate('--peers', ...peers, '--write')).toMatchObject({
        ...{ code: 1, out: '', err: expect.stringContaining(said) },
      })
      expect(await readFile(at('net-1/model.json'), 'utf8')).toBe(before)
    }
    expect(await calibrate('--peers', there)).toMatchObject({ code: 0 })
    // Without a trace of who it is from, as an older version wrote it.
    const { origin: _, ...unsigned } = JSON.parse(await readFile(there, 'utf8'))
    await writeFile(at('old.json'), JSON.stringify({ ...unsigned, format: 1 }))
    expect((await calibrate('--peers', at('old.json'))).err).toContain('export them again')
  })

  it('--write puts tolerance, scale and table into the folder, and says that the digest is another', async () => {
    const here = await world()
    const { pack, iyi, at, config } = here
    const digest = (await pack('1', '--batched')).out.trim()
    const like = await elsewhere(here, 'like')
    // Another machine, whose answers are up to half a million units higher.
    const there = JSON.parse(await readFile(await elsewhere(here), 'utf8'))
    there.machine = 'plan9 mips'
    there.high[0][0] = String(BigInt(there.high[0][0]) + 987_654_321_000n)
    await writeFile(at('there.json'), JSON.stringify(there))
    const asked = ['calibrate', at('net-1'), ...few, '--peers', like, at('there.json'), '--write']
    const { code, out, err } = await iyi(...asked, ...config)
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/results of 2 other machines/) })
    const entry = JSON.parse(await readFile(at('net-1/model.json'), 'utf8'))
    expect(entry.quantization.decimals).toBeLessThan(8)
    expect(out).toContain(
      `tolerance ${entry.tolerance.absolute} units or ${entry.tolerance.relativePpm} ppm, ${entry.quantization.decimals} decimals; for`,
    )
    const verified = await iyi('verify', at('net-1'))
    expect(verified.code).toBe(0)
    expect(verified.out.trim()).not.toBe(digest)
    expect(err).toContain(`the digest was ${digest} and is ${verified.out.trim()}`)
    const card = await readFile(at('net-1/README.md'), 'utf8')
    expect(card).toMatch(/<!-- calibration: begin -->[\s\S]*plan9 mips[\s\S]*<!-- calibration: end -->/)
    // Again: in the same place, and nothing else of the card changes.
    await writeFile(at('net-1/README.md'), `${card}\nMore.\n`)
    await iyi('calibrate', at('net-1'), ...few, '--write', ...config)
    const again = await readFile(at('net-1/README.md'), 'utf8')
    expect(again).not.toContain('plan9')
    expect(again.match(/calibration: begin/g)).toHaveLength(1)
    expect(again.endsWith('More.\n')).toBe(true)
  })

  it('refuses results of other questions, what is none, and to change what a node runs', async () => {
    const { pack, iyi, at, config, library } = await world()
    await pack('1')
    await iyi('calibrate', at('net-1'), ...few, '--export', at('here.json'), ...config)
    const refused = async (said: string, ...args: string[]) =>
      expect(await iyi('calibrate', ...args, ...config)).toMatchObject({
        ...{ code: 1, out: '', err: expect.stringContaining(said) },
      })
    await refused(
      'its seed is 1, here it is 2',
      at('net-1'),
      ...few,
      '--seed',
      '2',
      '--peers',
      at('here.json'),
    )
    await refused('its inputs is 6', at('net-1'), '--inputs', '5', '--peers', at('here.json'))
    await refused('can not be read', at('net-1'), ...few, '--peers', at('nothing.json'))
    await refused('holds no results', at('net-1'), ...few, '--peers', at('net-1/model.json'))
    await refused('MODEL_BAD_FOLDER', 'volatility', '--write')
    await refused('iyi model list', 'nobody')
    await refused('MODEL_BAD_FOLDER', at('nothing'))
    expect(await readdir(at('.'))).not.toContain(library)
  })

  it('says which provider of the configuration is not at hand', async () => {
    const { pack, iyi, at, config } = await world()
    await pack('1')
    await writeFile(
      at('iyi.yaml'),
      'dataDir: data\nchains:\n  - { id: 1, name: one, rpc: [http://127.0.0.1:1] }\ninference: { providers: [cuda] }\n',
    )
    const { code, err } = await iyi('calibrate', at('net-1'), ...few, ...config)
    expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^cuda was not measured: /) })
  })
})
