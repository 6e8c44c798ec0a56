import type { Inference, ModelDrift, ModelInfo } from '../../node/ports/inference.ts'

export interface ScriptedInference extends Inference {
  /** Every request that `run` was given. */
  readonly requests: Parameters<Inference['run']>[0][]
  set(model: Partial<ModelInfo>): void
  /** What `drift` says from then on. */
  drifts(drift: readonly ModelDrift[]): void
  answer(quantized: readonly bigint[]): void
  /** The next run waits for its answer. */
  hold(): { answer(quantized: readonly bigint[]): void }
  /** The next run rejects with it. */
  fail(error: Error): void
}

/** One model `volatility`, answering with what the test says. */
export function scriptedInference(digest: ModelInfo['digest']): ScriptedInference {
  const requests: Parameters<Inference['run']>[0][] = []
  let failure: Error | null = null
  let held: Promise<readonly bigint[]> | null = null
  let drift: readonly ModelDrift[] = []
  let quantized: readonly bigint[] = [1_200_000n]
  let model: ModelInfo = {
    id: 'volatility',
    version: '1.0.0',
    digest,
    sha256: 'ab'.repeat(32),
    inputs: [{ name: 'log_returns', type: 'float32', shape: [null, null, 6] }],
    rawInputs: [{ name: 'log_returns', type: 'float32', shape: [null, null, 7] }],
    batched: true,
    agreement: { rule: 'median', tolerances: [{ absolute: '20', relativePpm: 100 }] },
    request: null,
    features: null,
    outputs: [{ name: 'volatility', type: 'float32', shape: [null, 1] }],
    quantization: { output: 'volatility', decimals: 8 },
    tolerance: { absolute: 20n, relativePpm: 100 },
    provider: 'cpu',
    status: { ok: true },
  }
  return {
    requests,
    set: (changes) => {
      model = { ...model, ...changes }
    },
    drifts: (value) => {
      drift = value
    },
    answer: (value) => {
      quantized = value
    },
    fail: (error) => {
      failure = error
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<readonly bigint[]>()
      held = promise
      return { answer: resolve }
    },
    models: () => [model],
    drift: () => drift,
    run: async (request) => {
      requests.push(request)
      const error = failure
      failure = null
      if (error !== null) throw error
      const waited = held
      held = null
      if (waited !== null) quantized = await waited
      return { outputs: {}, quantized, digest: model.digest, provider: 'cpu', durationMs: 1, cached: false }
    },
  }
}
