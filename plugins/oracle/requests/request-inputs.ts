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
/** Longer ahead nothing is kept for a request that nobody has answered: whoever sees it wait keeps it longer. */
const AHEAD_MS = 3_600_000
/** So that what waits is not kept a little longer, with a change on disk, in each round. */
const STEP_MS = 600_000
/** Fetched ahead at once. */
const LANES = 3

/** Inputs of requests: from the chain, or, where a request names one by its SHA-256, as they were delivered. */
export interface RequestInputs {
  /** Whether the input of a request is on-chain, or was delivered and is here. */
  has(row: InferenceRequestRow): boolean
  /**
   * The input of a request, which is fetched from other validators where it is not here. Rejects with `ContentError`, or
   * with `ORACLE_BAD_INPUT` when it is not as long as the request says and pays for.
   */
  of(row: InferenceRequestRow, signal: AbortSignal): Promise<Hex>
  /** The input of a request is one that the model takes: it is kept for a dispute. */
  answered(row: InferenceRequestRow): void
  /** These requests were answered and may be challenged: what is here of their inputs is kept for a dispute. */
  standing(rows: readonly InferenceRequestRow[]): void
  /** Keeps the inputs of these requests for a while, and begins to fetch those that are not here. */
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
  const untilMs = ({ deadline }: InferenceRequestRow) =>
    Math.min(Number(deadline) * 1_000, Math.ceil((clock.now() + AHEAD_MS) / STEP_MS) * STEP_MS) +
    options.keepMs
  const hashOf = ({ inputHash }: InferenceRequestRow) => inputHash.slice(2)
  /** Only what the request pays for: anybody may name anything by its hash. */
  const keepFor = (row: InferenceRequestRow, until = untilMs(row)) => {
    if (contents.sizeOf(hashOf(row)) === row.inputLength) contents.keep(hashOf(row), until)
  }
  let fetching = false
  const fetched = async (row: InferenceRequestRow, signal?: AbortSignal): Promise<Uint8Array> => {
    const bytes = await contents.fetch(hashOf(row), {
      ...{ maxBytes: MAX_INPUT_BYTES, keepMs: options.keepMs },
      ...(signal === undefined ? {} : { signal }),
    })
    keepFor(row)
    return bytes
  }
  return {
    has: (row) => row.input !== '0x' || contents.sizeOf(hashOf(row)) !== null,
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
        return bytesToHex(bytes)
      } finally {
        timer.cancel()
      }
    },
    answered(row) {
      if (row.input === '0x')
        contents.keep(hashOf(row), Math.max(untilMs(row), clock.now() + options.keepAnsweredMs))
    },
    standing(rows) {
      // Since they were made, so that looking at them again changes nothing on disk.
      for (const row of rows)
        if (row.input === '0x') keepFor(row, Number(row.timestamp) * 1_000 + options.keepAnsweredMs)
    },
    want(rows) {
      const wanted: InferenceRequestRow[] = []
      for (const row of rows)
        if (contents.sizeOf(hashOf(row)) !== null) keepFor(row)
        else if (row.inputLength <= MAX_INPUT_BYTES) wanted.push(row)
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
