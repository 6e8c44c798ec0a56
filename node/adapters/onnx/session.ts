import type { InferenceSession as OrtSession } from 'onnxruntime-node'
import type { Optimisation, RuntimePort } from '../../ports/inference-backend.ts'
import { type Tensor, type Tensors, type TensorType, tensorTypes } from '../../ports/tensor.ts'
import { env, InferenceSession, Tensor as OrtTensor } from './runtime.ts'

export interface SessionOptions {
  readonly provider: string
  /** CPU threads of one run. */
  readonly threads: number
  /** How far the runtime may change the graph; `all` when absent. */
  readonly optimisation?: Optimisation
  /** Prefix of the runtime's own profile, which tells what ran where; none is written when absent. */
  readonly profilePrefix?: string
}

/** A model opened by the runtime on one execution provider. */
export interface Session {
  readonly inputs: readonly RuntimePort[]
  readonly outputs: readonly RuntimePort[]
  /** Rejects with what the runtime says. */
  run(inputs: Tensors): Promise<Record<string, Tensor>>
  /** Ends the profile: writes its file. */
  endProfile(): void
  release(): Promise<void>
}

/**
 * Opens a model from its bytes, with options that leave as little to chance as the runtime allows: one operator after
 * another, a fixed number of threads. Rejects with what the runtime says.
 *
 * The runtime's binding computes on this thread, inside `setImmediate`: nothing else happens meanwhile, and ending a
 * thread in the middle of a run would abort the whole process. That is why sessions live in a process of their own.
 */
export async function openSession(bytes: Uint8Array, options: SessionOptions): Promise<Session> {
  // Failures are reported by exception; the runtime need not write them to stderr too. Read at its first session.
  env.logLevel = 'fatal'
  const session = await InferenceSession.create(bytes, {
    executionProviders: [options.provider],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: options.optimisation ?? 'all',
    logSeverityLevel: 4,
    ...(options.profilePrefix === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
  })
  return {
    inputs: session.inputMetadata.map(describe),
    outputs: session.outputMetadata.map(describe),
    run: async (inputs) => {
      const feeds: Record<string, InstanceType<typeof OrtTensor>> = {}
      for (const name in inputs) {
        const { type, data, shape } = inputs[name] as Tensor
        feeds[name] = new OrtTensor(type as 'float32', data as Float32Array, shape)
      }
      const results = await session.run(feeds)
      return Object.fromEntries(Object.entries(results).map(([name, result]) => [name, asTensor(result)]))
    },
    endProfile: () => session.endProfiling(),
    release: () => session.release(),
  }
}

/** Views the runtime's own memory: use it before the next run. */
function asTensor({ type, data, dims }: { type: string; data: unknown; dims: readonly number[] }): Tensor {
  if (!Object.hasOwn(tensorTypes, type))
    throw new TypeError(`an output is of type ${type}, which is not known`)
  const known = type as TensorType
  if (known === 'string') return { type: known, shape: [...dims], data: data as string[] }
  const { buffer, byteOffset, length } = data as Uint8Array<ArrayBuffer>
  // The runtime has arrays of its own kind for some types (Float16Array); the bytes are the same.
  const view = new tensorTypes[known].array(buffer, byteOffset, length)
  return { type: known, shape: [...dims], data: view } as Tensor
}

function describe(port: OrtSession.ValueMetadata): RuntimePort {
  return port.isTensor
    ? { name: port.name, type: port.type, shape: [...port.shape] }
    : { name: port.name, type: 'not a tensor', shape: [] }
}
