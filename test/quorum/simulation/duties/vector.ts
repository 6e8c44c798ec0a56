import { zeroHash } from 'viem'
import type { Codec } from '../../../../node/ports/quorum.ts'
import { ByteReader, ByteWriter } from '../../../../node/quorum/bytes.ts'
import { u64Codec } from '../median.ts'
import type { Random } from '../random.ts'
import { CONTRACT, type SimDuty, simDuty } from './duty.ts'

export type Vector = readonly number[]

export interface VectorOutcome {
  readonly result: Vector
  /** Observers whose vector was left out. */
  readonly rejected: readonly number[]
  readonly agreed: boolean
}

const SIZE = 4
/** Honest vectors are at most this far apart in every coordinate (L-infinity). */
const TOLERANCE = 64
const I32_MAX = 2 ** 31 - 1

const vectorCodec: Codec<Vector> = {
  encode: (vector) => {
    const writer = new ByteWriter()
    for (const value of vector) writer.u32(value >>> 0)
    return writer.finish()
  },
  decode: (bytes) => {
    const reader = new ByteReader(bytes)
    const vector = Array.from({ length: SIZE }, () => reader.u32() | 0)
    reader.end()
    return vector
  },
}

const outcomeCodec: Codec<VectorOutcome> = {
  encode: ({ result, rejected, agreed }) =>
    new ByteWriter()
      .fixed(vectorCodec.encode(result), SIZE * 4)
      .bytes(Uint8Array.from(rejected), 31)
      .u8(agreed ? 1 : 0)
      .finish(),
  decode: (bytes) => {
    const reader = new ByteReader(bytes)
    const result = vectorCodec.decode(reader.fixed(SIZE * 4))
    const rejected = [...reader.bytes(31)]
    const agreed = reader.flag()
    reader.end()
    return { result, rejected, agreed }
  },
}

/** The coordinate-wise median, without the vectors that are farther than the tolerance from a first one. */
export function vectorOutcome(
  f: number,
  observations: readonly { readonly oracle: number; readonly value: Vector }[],
): VectorOutcome {
  const middle = medianOf(observations.map(({ value }) => value))
  const accepted = observations.filter(({ value }) => distance(value, middle) <= TOLERANCE)
  const rejected = observations.filter(({ value }) => distance(value, middle) > TOLERANCE)
  return {
    result: accepted.length === 0 ? middle : medianOf(accepted.map(({ value }) => value)),
    rejected: rejected.map(({ oracle }) => oracle),
    agreed: rejected.length <= f,
  }
}

function medianOf(vectors: readonly Vector[]): Vector {
  return Array.from({ length: SIZE }, (_, i) => {
    const column = vectors.map((vector) => vector[i] ?? 0).sort((a, b) => a - b)
    return column[column.length >> 1] ?? 0
  })
}

/** L-infinity. */
function distance(a: Vector, b: Vector): number {
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? 0))))
}

/** A model's quantised output: vectors that honest validators compute alike, but for the last digits. Two reports a round. */
export function vectorDuty(options: {
  readonly random: Random
  readonly work: (node: number, nowMs: number) => boolean
}): SimDuty {
  const { random, work } = options
  return simDuty<bigint, Vector, VectorOutcome>(
    {
      id: 'simulation/vector',
      contract: CONTRACT,
      sealed: true,
      codecs: { query: u64Codec, observation: vectorCodec, outcome: outcomeCodec },
      validate: (_ctx, _query, _previous, vector) => {
        if (vector.some((value) => Math.abs(value) === I32_MAX)) throw new RangeError('saturated')
      },
      outcome: (ctx, _query, _previous, observations) => vectorOutcome(ctx.f, observations),
      reports: (ctx, { result, agreed }) =>
        agreed
          ? [0, 1].map((half) => ({
              contract: CONTRACT,
              payload: new ByteWriter()
                .u64(ctx.seqNr)
                .u8(half)
                .fixed(vectorCodec.encode(result), SIZE * 4)
                .finish(),
              extraHash: zeroHash,
            }))
          : [],
    },
    {
      query: (node, seqNr, nowMs) => (work(node, nowMs) ? u64Codec.encode(seqNr) : null),
      observe: (_node, seqNr, query) => {
        const topic = u64Codec.decode(query)
        if (topic !== seqNr) throw new RangeError('not the input of this round')
        return vectorCodec.encode(
          Array.from({ length: SIZE }, (_, i) => {
            const truth = Number((topic * 7919n * BigInt(i + 1)) % 100_003n) - 50_000
            return truth + random.integer(TOLERANCE + 1) - TOLERANCE / 2
          }),
        )
      },
      problem: (outcome, honest) => {
        const { result } = outcomeCodec.decode(outcome)
        const nearest = Math.min(...honest.map((bytes) => distance(vectorCodec.decode(bytes), result)))
        return nearest <= TOLERANCE ? null : `[${result}] is ${nearest} away from the nearest honest vector`
      },
      lie: (kind, honest, rng) => {
        const vector = vectorCodec.decode(honest)
        const sign = rng.chance(0.5) ? 1 : -1
        const lies = {
          above: vector.map((value) => value + 1_000_000),
          far: vector.map((value) => value + sign * (1 + rng.integer(1_000_000))),
          near: vector.map((value) => value + sign * (TOLERANCE + rng.integer(5) - 2)),
          extreme: vector.map(() => rng.pick([I32_MAX, -I32_MAX, -I32_MAX - 1, I32_MAX - 1, 0, -1])),
        }
        return vectorCodec.encode(lies[kind])
      },
    },
  )
}
