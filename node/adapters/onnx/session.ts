import type { InferenceSession as OrtSession } from 'onnxruntime-node'
import type { Tensor } from '../../ports/inference.ts'
import { RuntimeFailure } from './inference-error.ts'
import { env, InferenceSession, Tensor as OrtTensor } from './runtime.ts'

export interface SessionPort {
  readonly name: string
  readonly type: string
  /** A name stands for a dynamic size. */
  readonly shape: readonly (number | string)[]
}

/** A model opened by the runtime on one execution provider. */
export interface Session {
  readonly inputs: readonly SessionPort[]
  readonly outputs: readonly SessionPort[]
  /** Rejects with `RuntimeFailure`. */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>
  release(): Promise<void>
}

/**
 * Opens a model from its bytes, with options that leave as little to chance as the runtime allows: one operator after
 * another, a fixed number of threads. Rejects with `RuntimeFailure`.
 *
 * The runtime's binding computes inside `setImmediate`, on this thread: a run holds up the event loop for as long as it
 * takes. In a worker thread it would not, but ending a worker during a run aborts the whole process.
 */
export async function openSession(bytes: Uint8Array, provider: string, threads: number): Promise<Session> {
  // Failures are reported by exception; the runtime need not write them to stderr too. Read at its first session.
  env.logLevel = 'fatal'
  const session = await guarded(() =>
    InferenceSession.create(bytes, {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
    }),
  )
  return {
    inputs: session.inputMetadata.map(describe),
    outputs: session.outputMetadata.map(describe),
    run: async (inputs) => {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, { shape, data }]) => [
          name,
          new OrtTensor('float32', data, shape),
        ]),
      )
      const results = await guarded(() => session.run(feeds))
      const outputs: Record<string, Tensor> = {}
      // A copy: the runtime owns the memory behind `data`.
      for (const [name, { data, dims }] of Object.entries(results))
        if (data instanceof Float32Array)
          outputs[name] = { type: 'float32', shape: [...dims], data: Float32Array.from(data) }
      return outputs
    },
    release: () => session.release(),
  }
}

function describe(port: OrtSession.ValueMetadata): SessionPort {
  return port.isTensor
    ? { name: port.name, type: port.type, shape: [...port.shape] }
    : { name: port.name, type: 'not a tensor', shape: [] }
}

async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    throw new RuntimeFailure(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
