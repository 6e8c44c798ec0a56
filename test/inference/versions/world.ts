import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CandidateOptions } from '../../../node/inference/versions/candidate-options.ts'
import type { InferenceRequest, ModelInfo } from '../../../node/ports/inference.ts'
import { start } from '../fixture.ts'
import { handBackend } from '../hand-backend.ts'
import { float32, type Tiny, tinyFolder, writeTiny } from '../tiny-fixture.ts'
import { tiny } from '../tiny-set.ts'

const identity = [{ inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [1n, 2n] }]

/** A version whose answers are its inputs. */
export const version = (name: string, over: Partial<Tiny> = {}): Tiny =>
  tiny.doubling({ id: 'net', version: name, batched: false, cases: identity, ...over })

/** Options of a trial that is soon over. */
export const quick = {
  window: 20,
  minRuns: 10,
  maxDisagreement: 0.1,
  maxFailures: 0.1,
  maxSlowdown: 1_000,
  maxDrift: 0.25,
}

export function candidate(digest: string, over: Partial<CandidateOptions> = {}): CandidateOptions {
  return {
    ...{ model: 'net', digest: digest as `0x${string}`, shadow: 1, canary: 0, tolerance: null },
    ...quick,
    ...over,
  }
}

/** Digests of models as they are written into a folder, in order. */
export async function digestsOf(path: string): Promise<readonly string[]> {
  const { readManifest } = await import('../../../node/inference/manifest.ts')
  return readManifest(path).map(({ digest }) => digest)
}

/**
 * Version 1 at work on one backend, version 2 tried on another, both answering with their inputs; `apart.state.add` makes
 * the second drift. Every run is sampled unless `random` says otherwise.
 */
export async function world(
  over: Partial<CandidateOptions> = {},
  more: {
    folder?: string
    random?: () => number
    first?: Partial<Tiny>
    second?: Partial<Tiny>
    watchMs?: number
  } = {},
) {
  const folder = more.folder ?? (await tinyFolder())
  const path = await writeTiny(folder, [version('1', more.first), version('2', more.second)])
  const [one = '', two = ''] = await digestsOf(path)
  const [live, apart] = [handBackend({ lanes: 4 }), handBackend({ lanes: 4 })]
  const states = join(folder, 'versions')
  const started = await start(path, {
    ...{ backend: live.backend, apart: apart.backend, random: more.random ?? (() => 0) },
    ...{ versions: { folder: states, candidates: [candidate(two, over)] }, watchMs: more.watchMs ?? 0 },
    drift: { leastRows: 20 },
  })
  onTestFinished(() => {
    apart.state.byHand = false
    for (const each of apart.runs) each.answer()
  })
  const run = (value: number, request: Partial<InferenceRequest> = {}) =>
    started.inference.run({ model: 'net', inputs: { x: float32([1, 2], value, value) }, ...request })
  /** How many runs of the candidate had a result, by what the metrics say. */
  const counted = async (mode: 'shadow' | 'canary', result: string): Promise<number> => {
    const { body } = await started.metrics.expose()
    const pattern = `iyi_inference_candidate_runs_total\\{model="net",digest="${two}",mode="${mode}",result="${result}"\\} (\\d+)`
    return Number(new RegExp(pattern).exec(body)?.[1] ?? 0)
  }
  const info = (digest: string): ModelInfo | undefined =>
    started.inference.models().find((model) => model.digest === digest)
  return { ...started, folder, path, states, one, two, live, apart, run, counted, info }
}

/** So many runs, one after another, each compared before the next. */
export async function runs(
  { run, counted }: Pick<Awaited<ReturnType<typeof world>>, 'run' | 'counted'>,
  count: number,
  request: Partial<InferenceRequest> = {},
) {
  const { until } = await import('../../e2e/kit/until.ts')
  const done = async () => (await counted('shadow', 'agrees')) + (await counted('shadow', 'differs'))
  const before = await done()
  const answers = []
  for (let i = 1; i <= count; i++) {
    answers.push(await run(i, request))
    await until('it is compared', async () => (await done()) === before + i, { withinMs: 10_000, everyMs: 1 })
  }
  return answers
}
