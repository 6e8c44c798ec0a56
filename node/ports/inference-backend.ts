import type { Hex } from './chain.ts'
import type { Health } from './health.ts'
import type { Tensor, TensorType } from './tensor.ts'

/** Execution providers of ONNX Runtime that the node knows. */
export type Provider = 'cpu' | 'webgpu' | 'cuda'

/** How far ONNX Runtime may change a graph before it runs it. */
export const optimisations = ['disabled', 'basic', 'extended', 'all'] as const
export type Optimisation = (typeof optimisations)[number]

/** A model's verified bytes, for whoever runs it. */
export interface ModelSource {
  readonly id: string
  readonly version: string
  readonly digest: Hex
  /** The ONNX file, as it was hashed. */
  readonly bytes: Uint8Array
}

/** An input or output as the runtime itself describes it; a text stands for a dynamic size. */
export interface RuntimePort {
  readonly name: string
  /** A `TensorType`, or what else the runtime calls it. */
  readonly type: TensorType | (string & {})
  readonly shape: readonly (number | string)[]
}

/** A model that a backend has open. */
export interface OpenModel {
  /** What really runs it, as the runtime reports it: `cpu`, `webgpu`, `kserve`. */
  readonly provider: string
  readonly inputs: readonly RuntimePort[]
  readonly outputs: readonly RuntimePort[]
  /**
   * One run. Rejects with `BackendError`. `signal` says that nobody wants the answer any more; it settles when the backend
   * is free for the next run, with the answer where that could not be stopped. A run that takes longer than the backend's
   * own limit is ended, whatever that costs the backend.
   */
  run(inputs: Readonly<Record<string, Tensor>>, signal?: AbortSignal): Promise<Record<string, Tensor>>
  /** Gives the memory back. Runs under way are rejected. */
  close(): Promise<void>
}

/** Runs models: knows a runtime, and nothing of manifests, goldens, queues or quorums. */
export interface InferenceBackend {
  /** How many runs it takes at once; more make no sense. */
  readonly lanes: number
  /** What `open` may be asked for, best first. */
  readonly providers: readonly string[]
  /** Whether it has, or takes, the model of this id; it is not asked to open others. */
  takes(id: string): boolean
  start(): Promise<void>
  /** Opens `model` on one provider. Rejects with `BackendError`. */
  open(model: ModelSource, provider: string): Promise<OpenModel>
  stop(): Promise<void>
  health(): Health
}
