import { bytesToHex } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import type { Contents } from '../../../node/ports/content.ts'
import { ContentError } from '../../../node/ports/content-error.ts'
import { OracleError } from '../errors.ts'
import type { InferenceRequestRow } from './pending.ts'

/** Largest input that is delivered; the same for all validators. A request of a larger one is never answered. */
export const MAX_INPUT_BYTES = 2 ** 20
/** A round waits so long for an input; fetching goes on behind it. */
const FETCH_MS = 1_500
/** Longer ahead nothing is kept for a request that nobody has answered: whoever sees it wait keeps it longer. */
const AHEAD_MS = 3_600_000
/** So that what waits is not kept a little longer, with a change on disk, in each round. */
const STEP_MS = 600_000
/** Fetched at once: ahead, and in rounds. Together no more than the service of contents fetches at once. */
const AHEAD_LANES = 2
const ROUND_LANES = 2

/** Who wants inputs ahead: a leader for its next rounds, and the watch over all that waits. */
export type Wisher = 'rounds' | 'watch'

/** What is known of a request that names its input by hash. */
type Named = Pick<InferenceRequestRow, 'inputHash' | 'inputLength' | 'deadline'>

/** Inputs of requests: from the chain, or, where a request names one by its SHA-256, as they were delivered. */
export interface RequestInputs {
  /** SHA-256 of all that was delivered and is here. */
  held(): readonly Hex[]
  /** Whether an input was delivered and is here. */
  holds(row: Named): boolean
  /**
   * The input of a request, which is fetched from other validators where it is not here. Rejects with `ContentError`, or
   * with `ORACLE_BAD_INPUT` when it is not as long as the request says and pays for.
   */
  of(row: InferenceRequestRow, signal: AbortSignal): Promise<Hex>
  /** The input of a request is one that the model takes: it is kept for a dispute. */
  answered(row: InferenceRequestRow): void
  /** Keeps those inputs of these requests that are here for a while. */
  keep(rows: readonly Named[]): void
  /** These requests were answered and may be challenged: what is here of their inputs is kept for a dispute. */
  standing(rows: readonly (Named & Pick<InferenceRequestRow, 'input' | 'timestamp'>)[]): void
  /**
   * Begins to fetch the inputs of these requests, and forgets those that the same one wanted before and that were not begun.
   * Who wants something takes turns with the others. `onBegun` is told of each that is begun.
   */
  want(by: Wisher, rows: readonly Named[], onBegun?: (inputHash: Hex) => void): void
}

export function requestInputs(
  options: {
    /** Of what nobody has answered, beyond the deadline of a request that names it. */
    readonly keepMs: number
    /** Of what this node answered, since then: a dispute may be about it. */
    readonly keepAnsweredMs: number
  },
  { contents, clock }: { contents: Contents; clock: Clock },
): RequestInputs {
  const untilMs = ({ deadline }: Named) =>
    Math.min(Number(deadline) * 1_000, Math.ceil((clock.now() + AHEAD_MS) / STEP_MS) * STEP_MS) +
    options.keepMs
  const hashOf = ({ inputHash }: Named) => inputHash.slice(2)
  /** Only what the request pays for: anybody may name anything by its hash. */
  const keepFor = (row: Named, until = untilMs(row)) => {
    if (contents.sizeOf(hashOf(row)) === row.inputLength) contents.keep(hashOf(row), until)
  }
  const inRounds = new Lanes(ROUND_LANES)
  /** Whose turn it is first. */
  const wanted = new Map<Wisher, { readonly rows: Named[]; readonly onBegun?: (inputHash: Hex) => void }>()
  let ahead = 0
  const next = (): Named | undefined => {
    for (const [by, wishes] of wanted) {
      const row = wishes.rows.shift()
      if (row === undefined) continue
      wanted.delete(by)
      wanted.set(by, wishes)
      wishes.onBegun?.(row.inputHash)
      return row
    }
    return undefined
  }
  const fetched = async (row: Named, signal?: AbortSignal): Promise<Uint8Array> => {
    const bytes = await contents.fetch(hashOf(row), {
      ...{ maxBytes: MAX_INPUT_BYTES, keepMs: options.keepMs },
      ...(signal === undefined ? {} : { signal }),
    })
    keepFor(row)
    return bytes
  }
  const fetchAhead = async () => {
    ahead++
    // Nobody has it yet: a later look asks again.
    for (let row = next(); row !== undefined; row = next()) await fetched(row).catch(() => {})
    ahead--
  }
  return {
    held: () => contents.held().map((hash): Hex => `0x${hash}`),
    holds: (row) => contents.sizeOf(hashOf(row)) !== null,
    async of(row, signal) {
      if (row.input !== '0x') return row.input
      const late = new AbortController()
      const timer = clock.setTimer(FETCH_MS, () => late.abort())
      const until = AbortSignal.any([signal, late.signal])
      try {
        // What is here waits for nobody's transfer; a lane is free once its transfer has ended, whoever still waits for it.
        const bytes = await (contents.sizeOf(hashOf(row)) !== null
          ? fetched(row, until)
          : orGivenUp(
              inRounds.run(() => (until.aborted ? Promise.reject(tooLate(row)) : fetched(row))),
              row,
              until,
            ))
        if (bytes.length !== row.inputLength)
          throw new OracleError(
            'ORACLE_BAD_INPUT',
            `the input has ${bytes.length} bytes, the request says ${row.inputLength}`,
          )
        return bytesToHex(bytes)
      } finally {
        timer.cancel()
      }
    },
    answered(row) {
      if (row.input === '0x')
        contents.keep(hashOf(row), Math.max(untilMs(row), clock.now() + options.keepAnsweredMs))
    },
    keep(rows) {
      for (const row of rows) keepFor(row)
    },
    standing(rows) {
      // Since they were made, so that looking at them again changes nothing on disk.
      for (const row of rows)
        if (row.input === '0x') keepFor(row, Number(row.timestamp) * 1_000 + options.keepAnsweredMs)
    },
    want(by, rows, onBegun) {
      wanted.set(by, { rows: [...rows], ...(onBegun === undefined ? {} : { onBegun }) })
      for (let left = rows.length; ahead < AHEAD_LANES && left > 0; left--) void fetchAhead()
    },
  }
}

function tooLate({ inputHash }: Named): ContentError {
  return new ContentError('CONTENT_GIVEN_UP', 'a round has no time for this input', { hash: inputHash })
}

/** Rejects once `signal` aborts; the work goes on. */
function orGivenUp<T>(work: Promise<T>, row: Named, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(tooLate(row))
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
  })
}

/** So many at once, the others in their order. */
class Lanes {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(most: number) {
    this.#free = most
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
