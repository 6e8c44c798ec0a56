import type { Hex } from '../../../node/ports/chain.ts'
import type { Place } from './backlog.ts'
import type { InferenceRequestRow } from './pending.ts'
import { MAX_INPUT_BYTES, type RequestInputs, type Wisher } from './request-inputs.ts'
import { Tries } from './tries.ts'
import { inTurns } from './turns.ts'

/** Inputs that are wanted at once: each is asked of every validator. */
const MOST_WANTED = 32

type Missing = Place & Pick<InferenceRequestRow, 'inputHash' | 'inputLength' | 'requester' | 'deadline'>

/** Which of the inputs that are not here are fetched next. It keeps what was wanted before. */
export class WantedInputs {
  readonly #by: Wisher
  readonly #inputs: RequestInputs
  /** By its hash: how often it was begun to fetch an input. */
  readonly #tries = new Tries<Hex>()

  constructor(by: Wisher, inputs: RequestInputs) {
    this.#by = by
    this.#inputs = inputs
  }

  /**
   * Those that were tried least often before: what nobody ever delivers comes back to its turn, and is in nobody's way. Half of
   * the places are for `first`, if there are so many of them.
   */
  choose(missing: readonly Missing[], first: readonly Missing[] = []): void {
    const wanted = new Map<Hex, Missing>()
    for (const [rows, most] of [
      [first, MOST_WANTED / 2],
      [missing, MOST_WANTED],
    ] as const)
      for (const row of this.#inTurns(rows)) {
        if (wanted.size === most) break
        if (!wanted.has(row.inputHash)) wanted.set(row.inputHash, row)
      }
    // What was only chosen was not tried: the next choice may take its place.
    this.#inputs.want(this.#by, [...wanted.values()], (inputHash) => this.#tries.note([inputHash]))
  }

  #inTurns(rows: readonly Missing[]): readonly Missing[] {
    return inTurns(
      rows.filter(({ inputLength }) => inputLength <= MAX_INPUT_BYTES),
      {
        whose: ({ requester }) => requester,
        tries: ({ inputHash }) => this.#tries.of(inputHash),
        ...{ most: MOST_WANTED, newestFirst: true },
      },
    )
  }
}
