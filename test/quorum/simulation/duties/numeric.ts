import { zeroHash } from 'viem'
import type { Codec } from '../../../../node/ports/quorum.ts'
import { ByteReader, ByteWriter } from '../../../../node/quorum/bytes.ts'
import type { FeedObservation, FeedOutcome, FeedQuery } from '../../../../plugins/oracle/feed-types.ts'
import { feedOutcome } from '../../../../plugins/oracle/outcome.ts'
import { scalar } from '../../../../plugins/oracle/values/scalar.ts'
import type { Random } from '../random.ts'
import { CONTRACT, type SimDuty, simDuty } from './duty.ts'

/** Honest validators are at most this far apart; the feed's rule leaves out who is farther from the median. */
const TOLERANCE = 1_000n
const PIN_MS = 50
const EPOCH_S = 1_700_000_000
/** A pin that is farther from this node's own clock has no data here. */
const PIN_WINDOW_MS = 30_000

const I64_MAX = 2n ** 63n - 1n
const I64_MIN = -(2n ** 63n)

const writeI64 = (writer: ByteWriter, value: bigint) => writer.u64(BigInt.asUintN(64, value))
const readI64 = (reader: ByteReader) => BigInt.asIntN(64, reader.u64())

function codec<T>(write: (writer: ByteWriter, value: T) => void, read: (reader: ByteReader) => T): Codec<T> {
  return {
    encode: (value) => {
      const writer = new ByteWriter()
      write(writer, value)
      return writer.finish()
    },
    decode: (bytes) => {
      const reader = new ByteReader(bytes)
      const value = read(reader)
      reader.end()
      return value
    },
  }
}

/** One pin: a block number that stands for a moment of virtual time. */
const queryCodec = codec<FeedQuery>(
  (writer, { pins }) => writer.u64(pins[0]?.number ?? 0n),
  (reader) => {
    const number = reader.u64()
    const timestamp = EPOCH_S + Number(number % 1_000_000n) * (PIN_MS / 1000)
    return { pins: [{ chainId: 1, number, hash: zeroHash, timestamp: Math.floor(timestamp) }] }
  },
)

const observationCodec = codec<FeedObservation>(
  (writer, { value }) => writeI64(writer, value),
  (reader) => ({ value: readI64(reader), onchain: null }),
)

const outcomeCodec = codec<FeedOutcome>(
  (writer, outcome) => {
    writeI64(writer, outcome.answer).u64(outcome.spread).u32(outcome.timestamp)
    writer.u8(outcome.agreed ? 1 : 0).u8(outcome.due ? 1 : 0)
    writer.u8(outcome.lastReport === null ? 0 : 1)
    writeI64(writer, outcome.lastReport?.answer ?? 0n).u32(outcome.lastReport?.timestamp ?? 0)
    writer.u64(outcome.pins[0]?.number ?? 0n).u8(outcome.observations.length)
    for (const { oracle, value, accepted } of outcome.observations) {
      writeI64(writer.u8(oracle).u8(accepted ? 1 : 0), value)
    }
  },
  (reader) => {
    const answer = readI64(reader)
    const spread = reader.u64()
    const timestamp = reader.u32()
    const agreed = reader.flag()
    const due = reader.flag()
    const reported = reader.flag()
    const last = { answer: readI64(reader), timestamp: reader.u32() }
    const number = reader.u64()
    const observations = Array.from({ length: reader.count(31) }, () => ({
      oracle: reader.u8(),
      accepted: reader.flag(),
      value: readI64(reader),
    }))
    return {
      feedId: 'simulated',
      modelDigest: zeroHash,
      pins: [{ chainId: 1, number, hash: zeroHash, timestamp }],
      observations,
      answer,
      spread,
      timestamp,
      agreed,
      due,
      lastReport: reported ? last : null,
    }
  },
)

const RULES = {
  deviationPpm: 5_000,
  reportIntervalSeconds: 2,
  toleranceAbsolute: TOLERANCE,
  tolerancePpm: 0,
  maxPinAgeSeconds: 60,
  inFlightSeconds: 2,
  agreement: 'median' as const,
}

/** The price feed of the oracle plugin, its own rule over compact bytes: outliers left out, median of the rest. */
export function numericDuty(options: {
  readonly random: Random
  /** False: this node sees nothing to do now. */
  readonly work: (node: number, nowMs: number) => boolean
}): SimDuty {
  const { random, work } = options
  const honestNoise = () => BigInt(random.integer(Number(TOLERANCE) + 1)) - TOLERANCE / 2n
  return simDuty<FeedQuery, FeedObservation, FeedOutcome>(
    {
      id: 'simulation/numeric',
      contract: CONTRACT,
      codecs: { query: queryCodec, observation: observationCodec, outcome: outcomeCodec },
      validate: (_ctx, _query, _previous, { value }) => {
        if (value === I64_MIN || value === I64_MAX) throw new RangeError('outside of what the feed can hold')
      },
      outcome: (ctx, query, previous, observations) =>
        feedOutcome(
          scalar,
          {
            feedId: 'simulated',
            modelDigest: zeroHash,
            homeChainId: 1,
            f: ctx.f,
            rules: RULES,
            limits: null,
            labels: null,
          },
          query,
          previous,
          observations,
        ),
      reports: (ctx, outcome) => {
        if (!outcome.due) return []
        const payload = new ByteWriter().u64(ctx.seqNr).u32(outcome.timestamp)
        return [
          { contract: CONTRACT, payload: writeI64(payload, outcome.answer).finish(), extraHash: zeroHash },
        ]
      },
    },
    {
      query: (node, _seqNr, nowMs) =>
        work(node, nowMs) ? new ByteWriter().u64(BigInt(Math.floor(nowMs / PIN_MS))).finish() : null,
      observe: (_node, _seqNr, query, nowMs) => {
        const pin = queryCodec.decode(query).pins[0]?.number ?? 0n
        if (Math.abs(Number(pin) * PIN_MS - nowMs) > PIN_WINDOW_MS)
          throw new RangeError('no data at this pin')
        return observationCodec.encode({ value: truth(pin) + honestNoise(), onchain: null })
      },
      problem: (outcome, honest) => {
        const { answer } = outcomeCodec.decode(outcome)
        const values = honest.map((bytes): bigint => observationCodec.decode(bytes).value)
        const inside = values.some((value) => value <= answer) && values.some((value) => value >= answer)
        return inside ? null : `${answer} is outside of what honest validators saw: ${values.join(', ')}`
      },
      lie: (kind, honest, rng) => {
        const { value } = observationCodec.decode(honest)
        const sign = rng.chance(0.5) ? 1n : -1n
        const values = {
          above: value + 10_000_000n,
          far: value + sign * BigInt(1 + rng.integer(1_000_000_000)),
          // At the very edge of being left out, within or just beyond.
          near: value + sign * (TOLERANCE + BigInt(rng.integer(5)) - 2n),
          extreme: rng.pick([I64_MIN, I64_MAX, I64_MIN + 1n, I64_MAX - 1n, -1n, 0n]),
        }
        return observationCodec.encode({ value: values[kind], onchain: null })
      },
    },
  )
}

/** What there is to see at a pin: a triangle wave, so that consecutive rounds differ. */
function truth(pin: bigint): bigint {
  const phase = Number(pin % 200n)
  return 1_000_000n + BigInt(phase < 100 ? phase : 200 - phase) * 400n
}
