import type { Optimisation, RuntimePort } from '../../ports/inference-backend.ts'

/** The file descriptor at which a worker finds its end of the socket pair. */
export const WORKER_FD = 3

/** An answer may have so many bytes of outputs; more is none that a node could use. */
export const MAX_ANSWER_BYTES = 512 * 2 ** 20

/** To the worker. `model` is a number of the node's own making; the model's bytes are the frame's blob. */
export type Command =
  | {
      readonly op: 'open'
      readonly id: number
      readonly model: number
      readonly provider: string
      readonly threads: number
      readonly optimisation: Optimisation
    }
  | { readonly op: 'run'; readonly id: number; readonly model: number }
  | { readonly op: 'close'; readonly id: number; readonly model: number }

/** From the worker: one for each command, in their order. Outputs are the frame's tensors. */
export type Answer =
  | { readonly id: number; readonly ok: true; readonly opened?: Opened; readonly ran?: Placement }
  | { readonly id: number; readonly ok: false; readonly error: string }

export interface Opened {
  readonly inputs: readonly RuntimePort[]
  readonly outputs: readonly RuntimePort[]
}

/** How many operators ran on which of the runtime's providers, e.g. `{ WebGpuExecutionProvider: 12 }`. */
export type Placement = Readonly<Record<string, number>>
