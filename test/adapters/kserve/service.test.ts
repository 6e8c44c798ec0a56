import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { kserveBackend } from '../../../node/adapters/kserve/kserve-backend.ts'
import { pinoLogger } from '../../../node/adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../../../node/adapters/prometheus/prometheus-metrics.ts'
import { inferenceService } from '../../../node/inference/inference-service.ts'
import { modelsFolder, returns, shipped, start } from '../../inference/fixture.ts'
import { castTo, node, onnx } from '../../inference/tiny-onnx.ts'
import { kserveServer } from './server.ts'

const volatility = await readFile(join(shipped, 'volatility/volatility.onnx'))

/** The inference service over the shipped manifest, and `remote` of a server for its model. */
async function over(url: string) {
  const path = await modelsFolder()
  const modules = {
    log: pinoLogger({ level: 'error', format: 'json', destination: { write: () => {} } }),
    metrics: prometheusMetrics(),
    clock: systemClock,
  }
  const backend = kserveBackend(
    { url, models: { volatility: { name: 'remote' } }, timeoutMs: 10_000, lanes: 2 },
    modules,
  )
  const inference = inferenceService(
    {
      manifests: [{ path, optional: false }],
      providers: ['kserve'],
      ...{ deadlineMs: 30_000, maxBatchRows: 64, maxBatchDelayMs: 0, cacheBytes: 0 },
      ...{ selfTestMs: 3_600_000, watchMs: 0 },
    },
    { backends: [backend], ...modules },
  )
  onTestFinished(() => inference.stop())
  await inference.start()
  return inference
}

const question = (seed: number) => ({
  model: 'volatility',
  inputs: returns([1, 3, 360], (i) => Math.sin(i * seed) * 1e-3),
})

describe('a model of the manifest on an inference server', () => {
  test('passes its goldens, and answers as the node itself does', async () => {
    const server = await kserveServer({ models: { remote: volatility } })
    const remote = await over(server.url)
    const { inference: local } = await start(join(shipped, 'manifest.json'))
    expect(remote.models()).toMatchObject([{ provider: 'kserve', status: { ok: true } }])
    const tolerance = remote.models()[0]?.tolerance.absolute ?? 0n
    const seeds = [1, 2, 3, 4, 5]
    const [there, here] = await Promise.all(
      [remote, local].map((inference) => Promise.all(seeds.map((seed) => inference.run(question(seed))))),
    )
    for (const [i, answer] of (there ?? []).entries()) {
      const difference = (answer.quantized[0] ?? 0n) - (here?.[i]?.quantized[0] ?? 0n)
      expect(answer.provider).toBe('kserve')
      expect(difference <= tolerance && -difference <= tolerance).toBe(true)
    }
  })

  test('that computes something else is refused, whatever its names and shapes', async () => {
    const model = onnx({
      inputs: [{ name: 'log_returns', type: 'float32', shape: ['n', 'pools', 360] }],
      outputs: [{ name: 'volatility', type: 'float32', shape: ['n', 1] }],
      nodes: [
        node('Flatten', ['log_returns'], ['flat']),
        node('ArgMax', ['flat'], ['where'], { axis: 1 }),
        node('Cast', ['where'], ['volatility'], castTo('float32')),
      ],
    })
    const server = await kserveServer({ models: { remote: model } })
    const [info] = (await over(server.url)).models()
    expect(info?.status).toMatchObject({ ok: false, reason: expect.stringMatching(/golden/i) })
    expect(server.seen.some(({ path }) => path.endsWith('/infer'))).toBe(true)
  })

  test('is lost with its server, and there again with it', async () => {
    const server = await kserveServer({ models: { remote: volatility } })
    const inference = await over(server.url)
    await server.stop()
    await expect(inference.run(question(1))).rejects.toMatchObject({ code: 'INFERENCE_FAILED', retry: true })
    expect(inference.health()).toMatchObject({ status: 'failed' })
    await server.restart()
    expect((await inference.run(question(1))).quantized).toHaveLength(1)
    expect(inference.health()).toMatchObject({ status: 'ok' })
  })
})
