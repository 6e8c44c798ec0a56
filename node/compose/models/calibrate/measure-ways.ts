import { onnxBackend } from '../../../adapters/onnx/onnx-backend.ts'
import { joinRows, rowSignature, rowsOf, splitRows } from '../../../inference/batch.ts'
import type { ManifestModel } from '../../../inference/manifest.ts'
import { applyOperations } from '../../../inference/pipeline.ts'
import { quantizeTensor } from '../../../inference/quantize.ts'
import { checkFinite } from '../../../inference/tensors.ts'
import {
  type OpenModel,
  type Optimisation,
  optimisations,
  type Provider,
} from '../../../ports/inference-backend.ts'
import type { Tensors } from '../../../ports/tensor.ts'
import { ModelError } from '../errors.ts'
import { LIMITS, quiet } from '../verify.ts'

/** How a model is run. */
export interface Way {
  readonly provider: Provider
  readonly optimisation: Optimisation
  readonly threads: number
}

/** Of each case, in their order; null where there is none. */
export type Answers = readonly (readonly bigint[] | null)[]

export interface Measured {
  readonly way: Way
  /** One for each of the batch sizes. */
  readonly answers: readonly Answers[]
}

/** Cases that are put together; a model whose rows can't be is run alone. */
export const batchesOf = ({ batched }: ManifestModel): readonly number[] => (batched ? [1, 2, 8, 64] : [1])

/** The published setting, which the others are held against. */
const FIRST: Way = { provider: 'cpu', optimisation: 'all', threads: 1 }

/**
 * Answers of every way that there is on this machine, the published one first, quantised to `decimals`. A case that it does
 * not answer is null in all. Rejects with `ModelError` `MODEL_REFUSED` when it answers none.
 */
export async function measureWays(
  entry: ManifestModel,
  bytes: Uint8Array,
  cases: readonly Tensors[],
  { providers, decimals }: { readonly providers: readonly Provider[]; readonly decimals: number },
): Promise<{ readonly measured: readonly Measured[]; readonly absent: ReadonlyMap<Provider, string> }> {
  const measured: Measured[] = []
  const absent = new Map<Provider, string>()
  for (const way of waysOf(providers)) {
    if (absent.has(way.provider)) continue
    const usable = measured[0]?.answers[0]?.map((answer) => answer !== null) ?? null
    try {
      measured.push({ way, answers: await measureOne(way, entry, bytes, { cases, usable, decimals }) })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (measured.length === 0)
        throw new ModelError('MODEL_REFUSED', `Model ${entry.id} can not be calibrated: ${reason}.`, error)
      absent.set(way.provider, reason)
    }
  }
  if (measured[0]?.answers[0]?.every((answer) => answer === null))
    throw new ModelError(
      'MODEL_REFUSED',
      `Model ${entry.id} can not be calibrated: it answers none of its inputs.`,
    )
  return { measured, absent }
}

function waysOf(providers: readonly Provider[]): readonly Way[] {
  const cpu = optimisations
    .toReversed()
    .flatMap((optimisation) => [1, 2].map((threads): Way => ({ provider: 'cpu', optimisation, threads })))
  const others = providers
    .filter((provider) => provider !== 'cpu')
    .map((provider): Way => ({ ...FIRST, provider }))
  return [...cpu, ...others]
}

interface Cases {
  readonly cases: readonly Tensors[]
  /** Which of them count; null before anybody knows. */
  readonly usable: readonly boolean[] | null
  readonly decimals: number
}

async function measureOne(
  { provider, optimisation, threads }: Way,
  entry: ManifestModel,
  bytes: Uint8Array,
  { cases, usable, decimals }: Cases,
): Promise<readonly Answers[]> {
  const backend = onnxBackend(
    { providers: [provider], threads, optimisation, workers: 1, ...LIMITS },
    quiet(),
  )
  const quantized = (outputs: Tensors): readonly bigint[] => {
    const finished = applyOperations(entry.postprocessing, outputs)
    checkFinite(entry.id, finished)
    const answer = finished[entry.quantization.output]
    return answer === undefined ? [] : quantizeTensor(answer, decimals)
  }
  await backend.start()
  try {
    const model = await backend.open(
      { id: entry.id, version: entry.version, digest: entry.digest, bytes },
      provider,
    )
    const alone: (readonly bigint[] | null)[] = []
    for (const [i, inputs] of cases.entries())
      if (usable === null) alone.push(await model.run(inputs).then(quantized, () => null))
      else alone.push(usable[i] ? quantized(await model.run(inputs)) : null)
    const all: Answers[] = [alone]
    for (const size of batchesOf(entry).slice(1))
      all.push(await together(model, cases, { alone, size, quantized }))
    return all
  } finally {
    await backend.stop()
  }
}

/** Each case that was answered alone, in runs of at most `size` of those that may be put together. */
async function together(
  model: OpenModel,
  cases: readonly Tensors[],
  of: {
    readonly alone: Answers
    readonly size: number
    readonly quantized: (outputs: Tensors) => readonly bigint[]
  },
): Promise<Answers> {
  const answers: (readonly bigint[] | null)[] = cases.map(() => null)
  const usable = cases.map((inputs, at) => ({ inputs, at })).filter(({ at }) => of.alone[at] !== null)
  for (const alike of Object.values(Object.groupBy(usable, ({ inputs }) => rowSignature(inputs))))
    for (let from = 0; from < (alike?.length ?? 0); from += of.size) {
      const parts = alike?.slice(from, from + of.size) ?? []
      const outputs = await model.run(joinRows(parts.map(({ inputs }) => inputs)))
      const split = splitRows(
        outputs,
        parts.map(({ inputs }) => rowsOf(inputs) ?? 1),
      )
      for (const [i, { at }] of parts.entries())
        answers[at] = split === null ? null : of.quantized(split[i] ?? {})
    }
  return answers
}
