import type { DutyHandle } from '../../../node/ports/quorum.ts'
import type { InferenceConfig } from '../config.ts'

/** A configured inference oracle and its duty at this node. */
export interface ServedOracle {
  readonly config: InferenceConfig
  readonly duty: DutyHandle
}
