import type { AgreementRule } from './agreement-rule.ts'
import type { Hex } from './chain.ts'
import type { Tensor, TensorPort } from './tensor.ts'

export interface ModelInfo {
  readonly id: string
  readonly version: string
  /** keccak256 of the canonical JSON (RFC 8785) of the model's manifest entry: what is bound on-chain. */
  readonly digest: Hex
  /** sha256 of the ONNX file, hex without 0x. */
  readonly sha256: string
  /** What the network takes. */
  readonly inputs: readonly TensorPort[]
  /** What the manifest's preprocessing takes: equal to `inputs` where there is none. */
  readonly rawInputs: readonly TensorPort[]
  /** What the network gives. */
  readonly outputs: readonly TensorPort[]
  /** Output `output` is quantised to integers of `decimals` decimals, half away from zero. */
  readonly quantization: { readonly output: string; readonly decimals: number }
  /** Agreement tolerance between nodes: max(absolute, value * relativePpm / 1e6), in quantised units. */
  readonly tolerance: { readonly absolute: bigint; readonly relativePpm: number }
  /** How nodes' answers become one. */
  readonly agreement: AgreementRule
  /** Decimals of the numbers with which contracts ask it; null where they can't. */
  readonly request: { readonly decimals: number } | null
  /** The first size of every input and output counts independent rows, so that runs may be put together. */
  readonly batched: boolean
  /** Which features, in which version, its input is; null where its manifest does not say. */
  readonly features: { readonly set: string; readonly version: number } | null
  /** What runs it, as reported by the runtime, e.g. `cpu`. */
  readonly provider: string
  /** `refused` when file hash, shapes or goldens do not match the manifest; such a model is never run. */
  readonly status: { readonly ok: true } | { readonly ok: false; readonly reason: string }
}

/**
 * The profile in which disputes are settled: the CPU, one thread, one operator after another, the graph as it is in the file.
 * Every machine has it, and it leaves as little to the machine as a runtime allows. What `provider` says of such a run.
 */
export const REFERENCE = 'cpu-reference'

/**
 * Whose turn is first, whatever waited longer: duties whose inputs the network itself makes, then what strangers ask on-chain,
 * then the API. Harm that a run did counts against its own class alone.
 */
export const inferencePriorities = ['duty', 'request', 'api'] as const
export type InferencePriority = (typeof inferencePriorities)[number]

export interface InferenceRequest {
  /** A model's id, for its newest version, or a manifest digest. */
  readonly model: string
  readonly inputs: Readonly<Record<string, Tensor>>
  /** `inputs` are what the manifest's preprocessing begins with, not yet what the network takes. */
  readonly raw?: boolean
  /** `api` when absent. Only those of the API are put together with others: the floats of the rest do not depend on them. */
  readonly priority?: InferencePriority
  /** Milliseconds until it is given up with `INFERENCE_TIMEOUT`; the operator's limit when absent, and at most that. */
  readonly deadlineMs?: number
  /** Gives it up with `INFERENCE_CANCELLED`. */
  readonly signal?: AbortSignal
  /** False leaves `quantized` empty: for callers of many rows who want floats alone. */
  readonly quantize?: boolean
  /** Run in the profile in which disputes are settled (`REFERENCE`), whatever else runs the model; nothing of it is kept. */
  readonly reference?: boolean
}

export interface InferenceResult {
  readonly outputs: Readonly<Record<string, Tensor>>
  /** The manifest's quantised output, flattened row-major. */
  readonly quantized: readonly bigint[]
  /** Digest of the manifest entry that answered. */
  readonly digest: Hex
  readonly provider: string
  /** Waiting included. */
  readonly durationMs: number
  /** It was computed before, for the same model and input. */
  readonly cached: boolean
}

/** How far a number that a model takes or gives has gone from its reference. */
export interface DriftReading {
  readonly kind: 'input' | 'output'
  /** As the reference calls it. */
  readonly name: string
  /** Population-stability index: by usage, below 0.1 nothing happened, above 0.25 the population is another one. */
  readonly psi: number
}

/** What the newest runs of a model are, against the reference in its manifest. */
export interface ModelDrift {
  readonly model: string
  readonly version: string
  readonly digest: Hex
  /** Rows in the window. */
  readonly rows: number
  /** Fewer rows say nothing: there are no readings then. */
  readonly neededRows: number
  readonly readings: readonly DriftReading[]
}

/** Rejects with `InferenceError`: every code but `INFERENCE_BAD_MANIFEST`. */
export interface Inference {
  models(): readonly ModelInfo[]
  run(request: InferenceRequest): Promise<InferenceResult>
  /** Of every model that has a reference, in the order of `models`. */
  drift(): readonly ModelDrift[]
}
