import { bytesToHex, encodeAbiParameters, hexToBytes, zeroHash } from 'viem'
import type { Codec, ContractRef, Duty } from '../../../node/ports/quorum.ts'
import { ByteReader, ByteWriter } from '../../../node/quorum/bytes.ts'

/** A numeric feed as small as can be: query = a topic, observation = a number, outcome = the median. */
export interface MedianOutcome {
  readonly median: bigint
  readonly observers: readonly number[]
}

export const u64Codec: Codec<bigint> = {
  encode: (value) => new ByteWriter().u64(value).finish(),
  decode: (bytes) => {
    const reader = new ByteReader(bytes)
    const value = reader.u64()
    reader.end()
    return value
  },
}

export const outcomeCodec: Codec<MedianOutcome> = {
  encode: ({ median, observers }) =>
    new ByteWriter().u64(median).bytes(Uint8Array.from(observers), 31).finish(),
  decode: (bytes) => {
    const reader = new ByteReader(bytes)
    const median = reader.u64()
    const observers = [...reader.bytes(31)]
    reader.end()
    return { median, observers }
  },
}

/** What a validator sees: the only input that may differ. */
export interface MedianSource {
  /** Null: nothing to do. */
  query(seqNr: bigint): bigint | null
  observe(seqNr: bigint, query: bigint): bigint
  shouldTransmit?(seqNr: bigint): boolean
  onOutcome?(seqNr: bigint, outcome: MedianOutcome, epoch: number): unknown
}

export const MAX_VALUE = 1_000_000n

export function medianDuty(
  id: string,
  contract: ContractRef,
  source: MedianSource,
): Duty<bigint, bigint, MedianOutcome> {
  return {
    id,
    contract,
    codecs: { query: u64Codec, observation: u64Codec, outcome: outcomeCodec },
    query: async (ctx) => source.query(ctx.seqNr),
    observe: async (ctx, query) => source.observe(ctx.seqNr, query),
    validate: (_ctx, _query, _previous, observation) => {
      if (observation > MAX_VALUE) throw new RangeError(`${observation} is above ${MAX_VALUE}`)
    },
    outcome: (_ctx, _query, _previous, observations) => {
      const sorted = observations.map(({ value }) => value).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      return {
        median: sorted[Math.floor(sorted.length / 2)] ?? 0n,
        observers: observations.map(({ oracle }) => oracle),
      }
    },
    reports: (ctx, outcome) => [
      {
        contract,
        payload: hexToBytes(
          encodeAbiParameters(
            [{ type: 'uint64' }, { type: 'uint256' }, { type: 'bytes' }],
            [ctx.seqNr, outcome.median, bytesToHex(Uint8Array.from(outcome.observers))],
          ),
        ),
        extraHash: zeroHash,
      },
    ],
    shouldTransmit: async (ctx) => source.shouldTransmit?.(ctx.seqNr) ?? true,
    onOutcome: async (record) => {
      await source.onOutcome?.(record.seqNr, record.outcome, record.epoch)
    },
  }
}
