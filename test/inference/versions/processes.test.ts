import { getPriority } from 'node:os'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { onnxBackend } from '../../../node/adapters/onnx/onnx-backend.ts'
import { pinoLogger } from '../../../node/adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../../../node/adapters/prometheus/prometheus-metrics.ts'
import type { CandidateOptions } from '../../../node/inference/versions/candidate-options.ts'
import { until } from '../../e2e/kit/until.ts'
import { start } from '../fixture.ts'
import { int64, port, type Tiny, tinyFolder, writeTiny } from '../tiny-fixture.ts'
import { counting, unary } from '../tiny-onnx.ts'
import { candidate, digestsOf } from './world.ts'

const within = { withinMs: 30_000, everyMs: 5 }
const forEver = 2 ** 52

const integer = (name: string, bytes: Uint8Array): Tiny => ({
  ...{ id: 'net', version: name, bytes },
  ...{ inputs: [port('x', 'int64', [1])], outputs: [port('y', 'int64', [1])] },
  cases: [{ inputs: { x: { shape: [1], values: [3] } }, y: [3n] }],
})

/** At work is a version that gives its input back, tried is one that counts up to it; each in processes as a node has them. */
async function processes(over: Partial<CandidateOptions> = {}, runMs = 500) {
  const versions = [integer('1', unary('Identity', 'int64', [1], 1)), integer('2', counting())]
  const folder = await tinyFolder()
  const path = await writeTiny(folder, versions)
  const [one = '', two = ''] = await digestsOf(path)
  const pids = new Set<number>()
  const guard = {
    watch: (pid: number) => void pids.add(pid),
    release: (pid: number) => void pids.delete(pid),
  }
  const log = pinoLogger({ level: 'error', format: 'json', destination: { write: () => {} } })
  const apart = onnxBackend(
    {
      ...{ providers: ['cpu'], threads: 1, workers: 1, runMs, loadMs: 30_000, memoryBytes: 2 ** 31 },
      ...{ label: 'candidates-', niceness: 10 },
    },
    { log, metrics: prometheusMetrics(), clock: systemClock, guard },
  )
  const options = { folder: `${folder}/versions`, candidates: [candidate(two, over)] }
  const started = await start(path, { apart, versions: options, random: () => 0 })
  const stopping = new AbortController()
  onTestFinished(() => stopping.abort())
  /** One after another, as duties, until `done`; every one is answered by the version at work. */
  const ask = async (x: number, done: () => boolean): Promise<void> => {
    const run = async () => {
      const { digest, quantized } = await started.inference.run({
        ...{ model: one, inputs: { x: int64(x) }, priority: 'duty' },
      })
      expect({ digest, quantized }).toEqual({ digest: one, quantized: [BigInt(x)] })
      return done()
    }
    await until('the trial has ended', run, within)
  }
  const aside = () => {
    const health = started.inference.health()
    return health.status === 'ok' && health.detail?.includes('set aside') === true
  }
  return { ...started, one, two, pids, ask, aside }
}

describe('a candidate in a process of its own', () => {
  it('stands back for the others', async () => {
    const { pids, workers } = await processes()
    expect([...pids].map((pid) => getPriority(pid))).toEqual([Math.min(19, getPriority() + 10)])
    expect([...workers].map((pid) => getPriority(pid))).toEqual([getPriority()])
  })

  it('that never ends is ended, and set aside; nothing of it is held against the other', async () => {
    const { ask, aside, workers, inference, one } = await processes()
    const before = [...workers]
    await ask(forEver, aside)
    expect([...workers]).toEqual(before)
    // No rest, no refused input: what did harm was another version.
    const answer = await inference.run({ model: one, inputs: { x: int64(forEver) } })
    expect(answer.quantized).toEqual([BigInt(forEver)])
    expect(inference.health().status).toBe('ok')
  })

  it('that never ends is waited for by no duty', async () => {
    const { ask, aside } = await processes({}, 3_000)
    let duties = 0
    await ask(forEver, () => ++duties === 8)
    // Three of its runs would have had to end before, were each waited for.
    expect(aside()).toBe(false)
  })

  it('that is slow is set aside for that alone', async () => {
    const { ask, aside, inference } = await processes({ maxSlowdown: 3 }, 20_000)
    await ask(20_000, aside)
    expect(inference.health()).toMatchObject({ detail: expect.stringContaining('95th percentile') })
  })
})
