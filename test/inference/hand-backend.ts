import type { InferenceBackend, ModelSource } from '../../node/ports/inference-backend.ts'
import { bytesOf, type Tensor, type Tensors } from '../../node/ports/tensor.ts'

export interface HandRun {
  readonly model: string
  readonly inputs: Tensors
  /** Answers with the inputs, called `y`. */
  readonly answer: (y?: Tensor) => void
  readonly fail: (error: Error) => void
}

/**
 * A backend whose runs a test answers by hand. It opens models whose only input is `x` and only output `y`, both float32
 * of rows of two; while `byHand` is false it answers each run with its input.
 */
export function handBackend({ lanes = 1 } = {}) {
  const runs: HandRun[] = []
  const closed: string[] = []
  const state = { byHand: false, add: 0 }
  const answerOf = (inputs: Tensors): Record<string, Tensor> => {
    const x = inputs.x as Tensor
    return {
      y: { ...x, data: Float32Array.from(x.data as Float32Array, (value) => value + state.add) } as Tensor,
    }
  }
  const backend: InferenceBackend = {
    lanes,
    takes: () => true,
    providers: ['cpu'],
    start: async () => {},
    stop: async () => {},
    health: () => ({ status: 'ok' }),
    async open({ version, id }: ModelSource) {
      const port = { type: 'float32', shape: ['n', 2] } as const
      return {
        provider: 'cpu',
        inputs: [{ name: 'x', ...port }],
        outputs: [{ name: 'y', ...port }],
        run(inputs) {
          if (!state.byHand) return Promise.resolve(answerOf(inputs))
          return new Promise((resolve, reject) => {
            runs.push({
              ...{ model: id, inputs, fail: reject },
              answer: (y) => resolve(y === undefined ? answerOf(inputs) : { y }),
            })
          })
        },
        close: async () => void closed.push(`${id} ${version}`),
      }
    },
  }
  return { backend, runs, closed, state, rowsOf: (run: HandRun) => bytesOf(run.inputs) / 8 }
}
