import { bytesToHex } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import type { Contents } from '../../../node/ports/content.ts'
import { OracleError } from '../errors.ts'
import type { InferenceRequestRow } from './pending.ts'

/** Largest input that is delivered; the same for all validators. A request of a larger one is never answered. */
export const MAX_INPUT_BYTES = 2 ** 20
/** A round waits so long for an input; fetching goes on behind it. */
const FETCH_MS = 1_500
/** A condition on the index takes no longer list. */
const MOST_HELD = 1_000
/** Fetched ahead at once. */
const LANES = 3

/** Inputs of requests: from the chain, or, where a request names one by its SHA-256, as they were delivered. */
export interface RequestInputs {
  /** Hashes of what was delivered and is here. */
  held(): readonly Hex[]
  /**
   * The input of a request, which is fetched from other validators where it is not here. Rejects with `ContentError`, or
   * with `ORACLE_BAD_INPUT` when it is not as long as the request says and pays for.
   */
  of(row: InferenceRequestRow, signal: AbortSignal): Promise<Hex>
  /** Begins to fetch the inputs of these requests. */
  want(rows: readonly InferenceRequestRow[]): void
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
  const untilMs = ({ deadline }: InferenceRequestRow) => Number(deadline) * 1_000 + options.keepMs
  let fetching = false
  const fetched = async (row: InferenceRequestRow, signal?: AbortSignal): Promise<Uint8Array> => {
    const hash = row.inputHash.slice(2)
    const bytes = await contents.fetch(hash, {
      ...{ maxBytes: MAX_INPUT_BYTES, keepMs: options.keepMs },
      ...(signal === undefined ? {} : { signal }),
    })
    contents.keep(hash, untilMs(row))
    return bytes
  }
  return {
    held: () =>
      contents
        .held()
        .slice(-MOST_HELD)
        .map((hash): Hex => `0x${hash}`),
    async of(row, signal) {
      if (row.input !== '0x') return row.input
      const late = new AbortController()
      const timer = clock.setTimer(FETCH_MS, () => late.abort())
      try {
        const bytes = await fetched(row, AbortSignal.any([signal, late.signal]))
        if (bytes.length !== row.inputLength)
          throw new OracleError(
            'ORACLE_BAD_INPUT',
            `the input has ${bytes.length} bytes, the request says ${row.inputLength}`,
          )
        contents.keep(row.inputHash.slice(2), Math.max(untilMs(row), clock.now() + options.keepAnsweredMs))
        return bytesToHex(bytes)
      } finally {
        timer.cancel()
      }
    },
    want(rows) {
      const wanted = rows.filter(({ inputLength }) => inputLength <= MAX_INPUT_BYTES)
      if (fetching || wanted.length === 0) return
      fetching = true
      const lane = async () => {
        for (let row = wanted.shift(); row !== undefined; row = wanted.shift())
          // Nobody has it yet: a later round asks again.
          await fetched(row).catch(() => {})
      }
      void Promise.all(Array.from({ length: LANES }, lane)).finally(() => {
        fetching = false
      })
    },
  }
}
