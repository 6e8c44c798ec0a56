import { getAddress } from 'viem'
import { z } from 'zod'
import {
  addressSchema,
  bytes32Schema,
  decimalSchema,
  hexSchema,
  unsignedSchema,
} from '../../../node/ports/http-schemas.ts'
import type { FeedRound } from '../feed-types.ts'
import type { Withheld } from '../range-watch.ts'
import { vector } from '../values/vector.ts'

/** A round as lists show it. */
export const roundSchema = z.object({
  round: unsignedSchema.meta({ description: 'Round id of the contract' }),
  answer: decimalSchema.nullable().meta({
    description:
      'Integer; `decimals` beside it says where the point is. Null of a vector feed: see `answers`',
  }),
  answers: z.array(decimalSchema).nullable().meta({
    description: 'Of a vector feed: integers in the order of the feed’s `labels`. Null of another feed',
  }),
  agreement: z
    .object({
      agreeing: z.int().meta({ description: 'Validators that stand with the answers' }),
      observers: z.int(),
      spread: unsignedSchema.meta({
        description: 'Greatest difference of any element between two that agree',
      }),
    })
    .nullable()
    .meta({ description: 'Of a vector feed: what the report says about it. Null of another feed' }),
  decimals: z.int(),
  observationsTimestamp: z.int().meta({ description: 'Unix seconds of the data' }),
  updatedAt: z.int().meta({ description: 'Unix seconds of the block that accepted it' }),
  chainId: z.int(),
  blockNumber: unsignedSchema,
  transactionHash: bytes32Schema,
  transmitter: addressSchema,
  evidenceDigest: bytes32Schema.meta({
    description:
      'keccak256 of the evidence; of a round of an OCR2 aggregator the third context word, zero when it was not transmitted directly',
  }),
  modelDigest: bytes32Schema,
})
export type RoundView = z.infer<typeof roundSchema>

export function roundView(round: FeedRound, decimals: number): RoundView {
  const answer =
    'answer' in round
      ? { answer: round.answer.toString(), answers: null, agreement: null }
      : {
          answer: null,
          answers: vector.ofRow(round).map(String),
          agreement: {
            agreeing: round.agreeing,
            observers: round.observers,
            spread: round.spread.toString(),
          },
        }
  return {
    round: round.roundId.toString(),
    ...answer,
    decimals,
    observationsTimestamp: Number(round.observationsTimestamp),
    updatedAt: Number(round.timestamp),
    chainId: round.chainId,
    blockNumber: round.blockNumber.toString(),
    transactionHash: round.transactionHash,
    transmitter: getAddress(round.transmitter),
    evidenceDigest: round.evidenceDigest,
    modelDigest: round.modelDigest,
  }
}

const withheldSchema = z.object({
  answer: decimalSchema,
  minAnswer: decimalSchema,
  maxAnswer: decimalSchema,
  observationsTimestamp: z.int().meta({ description: 'Unix seconds of the data' }),
})

export function withheldView(withheld: Withheld | null): z.infer<typeof withheldSchema> | null {
  if (withheld === null) return null
  const { answer, limits, timestamp } = withheld
  return {
    answer: answer.toString(),
    minAnswer: limits.min.toString(),
    maxAnswer: limits.max.toString(),
    observationsTimestamp: timestamp,
  }
}

export const feedSchema = z.object({
  id: z.string(),
  description: z.string(),
  decimals: z.int(),
  kind: z.enum(['pool-price', 'model']),
  model: z.string().nullable().meta({ description: 'Model that makes the values; null for a computed feed' }),
  contract: z.object({
    chainId: z.int(),
    address: addressSchema,
    kind: z.enum(['feed', 'vector', 'ocr2']).meta({
      description:
        '`feed`: our OracleFeed; `vector`: our OracleVectorFeed; `ocr2`: an OCR2 aggregator of somebody else',
    }),
  }),
  mirrors: z
    .array(z.object({ chainId: z.int(), address: addressSchema }))
    .meta({ description: 'Further contracts that get every report' }),
  labels: z.array(unsignedSchema).nullable().meta({
    description:
      'What tells the elements of a vector feed apart, in their order, for example horizons in seconds; null of another feed, and before its configuration is indexed',
  }),
  latest: roundSchema.nullable(),
  ageSeconds: z
    .int()
    .nullable()
    .meta({ description: 'Time since the newest round was accepted, by this node’s clock' }),
  withheld: withheldSchema.nullable().meta({
    description:
      'The answer that the validators agree on and do not report, since the contract would refuse it; null while there is none',
  }),
  duty: z.object({
    state: z.enum(['starting', 'running', 'observer', 'refused', 'stopped']),
    reason: z.string().nullable(),
    configDigest: bytes32Schema.nullable(),
    validators: z.int(),
    f: z.int(),
    epoch: z.int(),
    leader: z.int().nullable(),
    seqNr: unsignedSchema,
  }),
})

export const feedParams = z.object({ id: z.string().min(1).max(63).meta({ description: 'Feed id' }) })

export const pinSchema = z.object({
  chainId: z.int(),
  number: unsignedSchema,
  hash: bytes32Schema,
  timestamp: z.int(),
})

/** A report as the calldata of its transmission has it. */
export const reportSchema = z.object({
  payload: hexSchema.meta({ description: '`report` argument of `transmit`' }),
  context: z.tuple([bytes32Schema, bytes32Schema, bytes32Schema]),
  digest: bytes32Schema.meta({
    description: 'keccak256(keccak256(payload) || context[0] || context[1] || context[2]): what was signed',
  }),
  signatures: z.array(
    z.object({
      signer: addressSchema,
      oracle: z.int().nullable(),
      r: bytes32Schema,
      s: bytes32Schema,
      v: z.int(),
    }),
  ),
})

/** The evidence of a round: enough to check it without trusting this node. */
export const evidenceSchema = roundSchema.extend({
  configDigest: bytes32Schema,
  seqNr: unsignedSchema,
  transaction: z.object({
    hash: bytes32Schema,
    blockNumber: unsignedSchema,
    from: addressSchema.nullable(),
  }),
  report: reportSchema.nullable().meta({
    description:
      'From the transaction’s own calldata; null when the chain does not give it now, or it went through another contract',
  }),
  evidence: z
    .object({
      encoded: hexSchema.meta({
        description: 'ABI-encoded outcome; its keccak256 is `evidenceDigest`, which the signed report holds',
      }),
      query: hexSchema.meta({ description: 'ABI-encoded pins, as the leader sent them' }),
      epoch: z.int().meta({ description: 'Epoch in which the observations were signed' }),
      leader: z.int(),
      pins: z.array(pinSchema).meta({ description: 'The blocks at which every validator read its input' }),
      observations: z.array(
        z.object({
          oracle: z.int(),
          signer: addressSchema.nullable(),
          value: decimalSchema.nullable().meta({ description: 'Null of a vector' }),
          values: z.array(decimalSchema).nullable().meta({ description: 'A vector; null of one number' }),
          distance: decimalSchema.meta({
            description: 'From the answer; of a vector the greatest of any element',
          }),
          accepted: z.boolean().meta({
            description:
              'False: an outlier that was left out; of a vector: it does not stand with the answer',
          }),
          encoded: hexSchema,
          signature: hexSchema.meta({
            description: 'ed25519 by the validator’s consensus key, over query and observation',
          }),
          consensusKey: bytes32Schema.nullable(),
        }),
      ),
      spread: decimalSchema.meta({
        description: 'Largest less smallest accepted value; of vectors the most that it is in any element',
      }),
    })
    .nullable()
    .meta({ description: 'Null when this node did not take part in that round: ask another one' }),
})
