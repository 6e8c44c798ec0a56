import type { Hex } from './chain.ts'

/** Row-major tensor; `data.length` is the product of `shape`. */
export interface Tensor {
  readonly type: 'float32'
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export interface ModelInfo {
  readonly id: string
  readonly version: string
  /** keccak256 of the canonical JSON (RFC 8785) of the model's manifest entry: what is bound on-chain. */
  readonly digest: Hex
  /** sha256 of the ONNX file, hex without 0x. */
  readonly sha256: string
  readonly inputs: readonly {
    readonly name: string
    readonly type: string
    readonly shape: readonly (number | null)[]
  }[]
  readonly outputs: readonly {
    readonly name: string
    readonly type: string
    readonly shape: readonly (number | null)[]
  }[]
  /** Output `output` is quantised to integers of `decimals` decimals, half away from zero. */
  readonly quantization: { readonly output: string; readonly decimals: number }
  /** Agreement tolerance between nodes: max(absolute, value * relativePpm / 1e6), in quantised units. */
  readonly tolerance: { readonly absolute: bigint; readonly relativePpm: number }
  /** What runs it, as reported by the runtime, e.g. `cpu`. */
  readonly provider: string
  /** `refused` when file hash, shapes or goldens do not match the manifest; such a model is never run. */
  readonly status: { readonly ok: true } | { readonly ok: false; readonly reason: string }
}

/** Rejects with `InferenceError`: `INFERENCE_UNKNOWN_MODEL`, `INFERENCE_REFUSED`, `INFERENCE_BAD_INPUT`, `INFERENCE_NOT_FINITE`, `INFERENCE_FAILED` (retry). */
export interface Inference {
  models(): readonly ModelInfo[]
  run(request: { model: string; inputs: Readonly<Record<string, Tensor>> }): Promise<{
    readonly outputs: Readonly<Record<string, Tensor>>
    /** The manifest's quantised output, flattened row-major. */
    readonly quantized: readonly bigint[]
    readonly provider: string
    readonly durationMs: number
  }>
}
