import type { NodeConfig } from '../../config/schema.ts'
import { joinRows, rowsOf } from '../../inference/batch.ts'
import { readGoldens } from '../../inference/goldens.ts'
import { readVerified } from '../../inference/verified-file.ts'
import type { Tensors } from '../../ports/tensor.ts'
import { nodeInference } from '../inference.ts'
import { ModelError } from './errors.ts'
import { findModel } from './known.ts'
import { quiet } from './verify.ts'

/** Runs before anything is counted. */
const WARM_UP = 20
const TOGETHER = 64

/**
 * How fast a model answers here, through all that a node puts around it, with the configured providers, threads and workers:
 * its first golden, and, where rows may be put together, 64 of it as one run. One run after another, for `seconds` each;
 * nothing is answered from what is kept. Rejects with `ModelError`, `InferenceError`.
 */
export async function benchModel(
  config: NodeConfig,
  { model, seconds }: { readonly model: string; readonly seconds: number },
) {
  const { entry, root } = await findModel(config, model)
  const goldens = await readVerified(root, entry.goldens.file, entry.goldens.sha256)
    .then((bytes) => readGoldens(entry, bytes))
    .catch((cause: unknown) => {
      throw new ModelError(
        'MODEL_REFUSED',
        `Model ${model} has no goldens to run: ${cause instanceof Error ? cause.message : String(cause)}.`,
        cause,
      )
    })
  const one = goldens[0]?.inputs ?? {}
  const questions = [one, ...(entry.batched ? [joinRows(Array(TOGETHER).fill(one))] : [])]
  const guard = { watch: () => {}, release: () => {} }
  const inference = { ...config.inference, cacheMb: 0 }
  const service = nodeInference({ ...config, inference }, { ...quiet(), guard })
  await service.start()
  try {
    const figures = []
    for (const inputs of questions) figures.push(await measure(inputs))
    return figures
  } finally {
    await service.stop()
  }

  async function measure(inputs: Tensors) {
    const run = () => service.run({ model: entry.digest, inputs, quantize: false })
    for (let i = 0; i < WARM_UP; i++) await run()
    const took: number[] = []
    const began = performance.now()
    let provider = ''
    do {
      const answer = await run()
      took.push(answer.durationMs)
      provider = answer.provider
    } while (performance.now() - began < seconds * 1_000)
    const allMs = performance.now() - began
    took.sort((a, b) => a - b)
    const at = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0
    const rows = rowsOf(inputs) ?? 1
    const rowsPerSecond = (rows * took.length * 1_000) / allMs
    return { rows, runs: took.length, rowsPerSecond, p50Ms: at(0.5), p99Ms: at(0.99), provider }
  }
}
