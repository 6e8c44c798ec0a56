import { appendFile, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Tensor } from '../../node/ports/tensor.ts'
import { type Entry, modelsFolder, returns, sha256, shipped, start } from './fixture.ts'

const manifestPath = join(shipped, 'manifest.json')

describe('the shipped model', () => {
  it('passes its goldens, runs, and quantises', async () => {
    const { inference, metrics } = await start(manifestPath)
    const [info] = inference.models()
    expect(info).toMatchObject({ id: 'volatility', provider: 'cpu', status: { ok: true } })
    expect(info?.digest).toMatch(/^0x[0-9a-f]{64}$/)
    expect(inference.health().status).toBe('ok')
    const answer = await inference.run({
      model: 'volatility',
      inputs: returns([2, 3, 360], (i) => ((i % 7) - 3) * 1e-4),
    })
    expect(answer.provider).toBe('cpu')
    const output = answer.outputs.volatility
    expect(output?.shape).toEqual([2, 1])
    expect(answer.quantized).toHaveLength(2)
    for (const [i, value] of answer.quantized.entries())
      expect(Math.abs(Number(value) - Number(output?.data[i] ?? 0) * 1e8)).toBeLessThanOrEqual(0.5)
    expect((await metrics.expose()).body).toContain(
      'iyi_inference_runs_total{model="volatility",result="ok"} 1',
    )
  })

  it('gives equal answers again, alone or among others', async () => {
    const { inference } = await start(manifestPath)
    const inputs = (seed: number) => returns([1, 2, 360], (i) => Math.sin(i * seed) * 1e-3)
    const alone = [1, 2, 3].map((seed) => inference.run({ model: 'volatility', inputs: inputs(seed) }))
    const first = (await Promise.all(alone)).map((answer) => answer.quantized)
    for (const seed of [3, 1, 2])
      expect((await inference.run({ model: 'volatility', inputs: inputs(seed) })).quantized).toEqual(
        first[seed - 1],
      )
  })

  it('lets the event loop have its turn between runs', async () => {
    const { inference } = await start(manifestPath)
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 0)
    await Promise.all(
      Array.from({ length: 30 }, () => inference.run({ model: 'volatility', inputs: returns([20, 3, 360]) })),
    )
    clearInterval(timer)
    expect(turns).toBeGreaterThan(5)
  })
})

describe('inputs', () => {
  const tensor = (change: Partial<Record<keyof Tensor, unknown>>) =>
    ({
      log_returns: { type: 'float32', shape: [1, 1, 360], data: new Float32Array(360), ...change },
    }) as Record<string, Tensor>

  it.each([
    ['nothing', {}],
    ['another name', { x: returns([1, 1, 360]).log_returns as Tensor }],
    ['a name too many', { ...returns([1, 1, 360]), x: returns([1]).log_returns as Tensor }],
    ['a wrong length', returns([1, 1, 359])],
    ['a wrong rank', returns([1, 360])],
    ['an empty batch', returns([0, 1, 360])],
    ['a fractional size', tensor({ shape: [0.5, 2, 360] })],
    ['data shorter than its shape', tensor({ shape: [2, 1, 360] })],
    ['another type', tensor({ type: 'float64', data: new Float64Array(360) })],
    ['an array', tensor({ data: new Array(360).fill(0) })],
    ['NaN', returns([1, 1, 360], (i) => (i === 7 ? Number.NaN : 0))],
    ['infinity', returns([1, 1, 360], (i) => (i === 359 ? -Infinity : 0))],
    ['far too much', tensor({ shape: [100_000, 1000, 360] })],
  ])('refuses %s', async (_, inputs) => {
    const { inference, metrics } = await start(manifestPath)
    await expect(
      inference.run({ model: 'volatility', inputs: inputs as Record<string, Tensor> }),
    ).rejects.toMatchObject({
      code: 'INFERENCE_BAD_INPUT',
      retry: false,
    })
    expect((await metrics.expose()).body).toContain('result="INFERENCE_BAD_INPUT"} 1')
  })

  it('never lets a value out that is not finite', async () => {
    const { inference } = await start(manifestPath)
    const run = inference.run({ model: 'volatility', inputs: returns([1, 1, 360], () => 3e38) })
    const outcome = await run.then(
      (answer) => answer.outputs.volatility?.data.every((value) => Number.isFinite(value)),
      (error: { code: string }) => error.code,
    )
    expect([true, 'INFERENCE_NOT_FINITE']).toContain(outcome)
  })

  it('knows only the models of its manifest', async () => {
    const { inference } = await start(manifestPath)
    for (const model of ['other', '__proto__', ''])
      await expect(inference.run({ model, inputs: {} })).rejects.toMatchObject({
        code: 'INFERENCE_UNKNOWN_MODEL',
      })
  })

  it('bounds what waits, and rejects it when the node stops', async () => {
    const { inference } = await start(manifestPath)
    const settled = Promise.allSettled(
      Array.from({ length: 1_168 }, () =>
        inference.run({ model: 'volatility', inputs: returns([4, 1, 360]) }),
      ),
    )
    await inference.stop()
    const results = await settled
    const failed = results.filter((result) => result.status === 'rejected')
    expect(failed.length).toBeGreaterThanOrEqual(142)
    const codes = failed.map(({ reason }) => reason.code)
    // 1,024 wait, and one or two are under way.
    expect(codes.filter((code) => code === 'INFERENCE_BUSY').length).toBeGreaterThanOrEqual(142)
    expect(new Set(codes)).toEqual(new Set(['INFERENCE_BUSY', 'INFERENCE_FAILED']))
    for (const result of failed) expect(result.reason).toMatchObject({ retry: true })
    expect(inference.health().status).toBe('failed')
    await expect(inference.run({ model: 'volatility', inputs: returns([1, 1, 360]) })).rejects.toMatchObject({
      code: 'INFERENCE_FAILED',
    })
  })
})

describe('a spoiled model is refused and never run', () => {
  const onnx = 'volatility/volatility.onnx'
  const goldens = 'volatility/goldens.json'

  async function changeGoldens(entry: Entry, folder: string, change: (text: string) => string) {
    const path = join(folder, goldens)
    await writeFile(path, change(await readFile(path, 'utf8')))
    entry.goldens.sha256 = await sha256(path)
  }

  const cases: Record<string, (entry: Entry, folder: string) => void | Promise<void>> = {
    'a tampered file': (_, folder) => appendFile(join(folder, onnx), 'x'),
    'a wrong hash': (entry) => {
      entry.sha256 = '0'.repeat(64)
    },
    'a missing file': (_, folder) => rm(join(folder, onnx)),
    'a folder for a file': (entry) => {
      entry.file = 'volatility'
    },
    'a path that escapes': (entry) => {
      entry.file = '../../etc/hostname'
    },
    'a path that escapes later': (entry) => {
      entry.file = 'volatility/../../x.onnx'
    },
    'an absolute path': (entry) => {
      entry.file = join(shipped, onnx)
    },
    'a link out of the folder': async (_, folder) => {
      await rm(join(folder, onnx))
      await symlink(join(shipped, onnx), join(folder, onnx))
    },
    'a file that is no model, with its right hash': async (entry, folder) => {
      await writeFile(join(folder, onnx), 'not a model')
      entry.sha256 = await sha256(join(folder, onnx))
    },
    'another input shape': (entry) => {
      entry.preprocessing = []
      const input = entry.inputs[0]
      if (input !== undefined) input.shape = [null, null, 361]
    },
    'another input name': (entry) => {
      entry.preprocessing = []
      delete entry.reference
      const input = entry.inputs[0]
      if (input !== undefined) input.name = 'returns'
    },
    'tampered goldens': (_, folder) => appendFile(join(folder, goldens), ' '),
    'goldens that it does not give': (entry, folder) =>
      changeGoldens(entry, folder, (text) =>
        text.replace(/"volatility":\["\d+"\]/, '"volatility":["999999999"]'),
      ),
    'goldens with a missing output': (entry, folder) =>
      changeGoldens(entry, folder, (text) => text.replace(/"volatility":\["\d+"\]/, '"volatility":[]')),
    'goldens of another model': (entry, folder) =>
      changeGoldens(entry, folder, (text) => text.replace('"model":"volatility"', '"model":"other"')),
    'goldens with a float': (entry, folder) =>
      changeGoldens(entry, folder, (text) => text.replace('[0,', '[0.5,')),
    'goldens that are not JSON': (entry, folder) => changeGoldens(entry, folder, () => '{'),
    'missing goldens': (_, folder) => rename(join(folder, goldens), join(folder, 'moved.json')),
  }

  it.each(Object.keys(cases))('%s', async (name) => {
    // A good twin beside it must go on.
    const path = await modelsFolder(async (manifest, folder) => {
      const entry = manifest.models[0]
      if (entry === undefined) throw new Error('the manifest has no model')
      await cases[name]?.(entry, folder)
    })
    const { inference, logs, metrics } = await start(path)
    const status = inference.models()[0]?.status
    expect(status).toMatchObject({ ok: false, reason: expect.stringMatching(/.{10}/) })
    expect(JSON.stringify(status)).not.toContain(dirname(path))
    expect(inference.health().status).toBe('failed')
    expect(logs.some((entry) => entry.level === 'error' && entry.model === 'volatility')).toBe(true)
    expect((await metrics.expose()).body).toContain(
      'iyi_inference_model_ok{model="volatility",version="1.0.0"} 0',
    )
    await expect(inference.run({ model: 'volatility', inputs: returns([1, 1, 360]) })).rejects.toMatchObject({
      code: 'INFERENCE_REFUSED',
      retry: false,
    })
  })

  it('leaves the others at work', async () => {
    const path = await modelsFolder(async (manifest, folder) => {
      const good = manifest.models[0]
      if (good === undefined) throw new Error('the manifest has no model')
      const text = (await readFile(join(folder, goldens), 'utf8')).replace(
        '"model":"volatility"',
        '"model":"twin"',
      )
      await writeFile(join(folder, 'twin.json'), text)
      const sum = await sha256(join(folder, 'twin.json'))
      manifest.models.push(
        { ...good, id: 'twin', goldens: { file: 'twin.json', sha256: sum } },
        { ...good, id: 'bad', sha256: '1'.repeat(64) },
      )
    })
    const { inference } = await start(path)
    expect(inference.models().map((model) => [model.id, model.status.ok])).toEqual([
      ['volatility', true],
      ['twin', true],
      ['bad', false],
    ])
    expect(inference.health()).toMatchObject({ status: 'degraded', reason: expect.stringContaining('bad') })
    expect(new Set(inference.models().map((model) => model.digest)).size).toBe(3)
    expect((await inference.run({ model: 'twin', inputs: returns([1, 1, 360]) })).quantized).toHaveLength(1)
  })

  it('falls back to the CPU when a provider can not be had, and says what really runs', async () => {
    const { inference, logs, metrics } = await start(await modelsFolder(), { providers: ['cuda', 'cpu'] })
    const [info] = inference.models()
    expect(info?.status.ok).toBe(true)
    if (info?.provider === 'cpu') {
      expect(logs.some((entry) => entry.level === 'warn' && entry.provider === 'cuda')).toBe(true)
      expect((await metrics.expose()).body).toContain(
        'iyi_inference_provider_failures_total{provider="cuda"} 1',
      )
    } else expect(info?.provider).toBe('cuda')
    expect((await inference.run({ model: 'volatility', inputs: returns([1, 1, 360]) })).provider).toBe(
      info?.provider,
    )
  })
})

describe('the manifest', () => {
  it.each<[string, (manifest: { models: Entry[] }) => unknown]>([
    ['is not JSON', () => '{'],
    ['has no models', () => ({})],
    ['has an unknown key', (m) => ({ ...m, extra: 1 })],
    ['has an unknown key in a model', (m) => ({ models: [{ ...m.models[0], extra: 1 }] })],
    [
      'has a fractional number',
      (m) => ({ models: [{ ...m.models[0], preprocessing: [{ op: 'scale', by: 0.5 }] }] }),
    ],
    ['names a model twice', (m) => ({ models: [m.models[0], m.models[0]] })],
    [
      'quantises an unknown output',
      (m) => ({ models: [{ ...m.models[0], quantization: { output: 'x', decimals: 8 } }] }),
    ],
    [
      'has a tolerance that is no integer',
      (m) => ({ models: [{ ...m.models[0], tolerance: { absolute: '1.5', relativePpm: 1 } }] }),
    ],
    [
      'asks for a tensor type that nobody knows',
      (m) => ({ models: [{ ...m.models[0], inputs: [{ name: 'a', type: 'int4', shape: [1] }] }] }),
    ],
  ])('is refused when it %s', async (_, spoil) => {
    const path = await modelsFolder()
    const broken = spoil(JSON.parse(await readFile(path, 'utf8')))
    await writeFile(path, typeof broken === 'string' ? broken : JSON.stringify(broken))
    await expect(start(path)).rejects.toMatchObject({ code: 'INFERENCE_BAD_MANIFEST' })
  })

  it('is refused when it is missing', async () => {
    const path = await modelsFolder()
    await rm(path)
    await expect(start(path)).rejects.toMatchObject({ code: 'INFERENCE_BAD_MANIFEST' })
  })

  it('has a digest that any change of an entry changes, and formatting does not', async () => {
    const digestOf = async (spoil: (entry: Entry) => void, spaces?: number) => {
      const path = await modelsFolder((manifest) => manifest.models.forEach(spoil))
      if (spaces !== undefined)
        await writeFile(path, JSON.stringify(JSON.parse(await readFile(path, 'utf8')), null, spaces))
      return (await start(path)).inference.models()[0]?.digest
    }
    const original = await digestOf(() => {})
    expect(await digestOf(() => {}, 4)).toBe(original)
    const reordered = await digestOf((entry) => {
      const { id } = entry
      Reflect.deleteProperty(entry, 'id')
      entry.id = id
    })
    expect(reordered).toBe(original)
    const changed = await digestOf((entry) => {
      entry.tolerance = { absolute: '21', relativePpm: 100 }
    })
    expect(changed).not.toBe(original)
  })
})
