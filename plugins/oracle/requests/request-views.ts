import { zeroHash } from 'viem'
import { z } from 'zod'
import {
  addressSchema,
  bytes32Schema,
  decimalSchema,
  hexSchema,
  unsignedSchema,
} from '../../../node/ports/http-schemas.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import { pinSchema, reportSchema } from '../routes/schemas.ts'
import { abstentions } from './request-types.ts'

const outcomeNames = ['deferred', 'answered', 'no-agreement', 'bad-input'] as const
const outcomeSchema = z.enum(outcomeNames).meta({
  description: '`no-agreement`: the validators differ; `bad-input`: the model can not take the input',
})

export const answerSchema = z.object({
  outcome: outcomeSchema,
  values: z.array(decimalSchema).meta({ description: 'In fixed point, as the manifest of the model says' }),
  agreeing: z.int(),
  observers: z.int(),
  spread: unsignedSchema.meta({ description: 'How far the results of those who agree lie apart' }),
  evidenceDigest: bytes32Schema,
  observedAt: unsignedSchema,
  finalAt: unsignedSchema.meta({ description: 'Last second for a challenge' }),
  callback: z.enum(['none', 'succeeded', 'failed']),
  gasUsed: unsignedSchema,
  gasFee: unsignedSchema.meta({ description: 'What the transmitter was repaid, wei' }),
  transmitter: addressSchema,
  transactionHash: bytes32Schema,
  blockNumber: unsignedSchema,
})

export const disputeSchema = z.object({
  status: z.enum(['open', 'upheld', 'overturned', 'unresolved']),
  challenger: addressSchema,
  bond: unsignedSchema,
  anchorBlock: unsignedSchema,
  committeeSize: z.int(),
  deadline: unsignedSchema,
  votes: z.int(),
  distance: unsignedSchema,
  values: z.array(decimalSchema).meta({ description: 'What replaced the answer' }),
  evidenceDigest: bytes32Schema,
  transactionHash: bytes32Schema.meta({ description: 'Of the challenge' }),
  verdictTransaction: bytes32Schema.nullable().meta({ description: 'Null while there is no verdict' }),
})

export const requestSchema = z.object({
  id: unsignedSchema.meta({ description: '`requestId` of the contract' }),
  oracle: z.string(),
  chainId: z.int(),
  contract: addressSchema,
  status: z.enum([
    'pending',
    'answered',
    'disputed',
    'final',
    'upheld',
    'overturned',
    'unresolved',
    'refunded',
  ]),
  requester: addressSchema,
  modelDigest: bytes32Schema,
  modelId: unsignedSchema,
  version: z.int(),
  input: hexSchema.meta({ description: '0x where only its hash was given' }),
  inputHash: bytes32Schema,
  minAgreeing: z.int(),
  callbackGasLimit: z.int(),
  finalOnly: z.boolean(),
  delivered: z.boolean().meta({ description: 'The requester was called back' }),
  deadline: unsignedSchema,
  price: unsignedSchema,
  maxFee: unsignedSchema,
  transactionHash: bytes32Schema,
  blockNumber: unsignedSchema,
  timestamp: unsignedSchema,
})

const resultSchema = z.object({
  oracle: z.int(),
  signer: addressSchema.nullable(),
  values: z
    .array(decimalSchema)
    .nullable()
    .meta({ description: 'Its raw output, quantised; null where it gave none' }),
  provider: z.string().nullable().meta({ description: 'What ran the model there, as it says' }),
  reason: z.enum(abstentions).nullable(),
  agrees: z.boolean(),
  distance: unsignedSchema
    .nullable()
    .meta({ description: 'How far it is from the answer, at the farthest place' }),
  encoded: hexSchema.meta({ description: 'Its observation: a result for each request of the round' }),
  signature: hexSchema.meta({
    description: 'ed25519 by the validator’s consensus key, over query and observation',
  }),
  consensusKey: bytes32Schema.nullable(),
})

const roundSchema = z.object({
  encoded: hexSchema.meta({ description: 'ABI-encoded outcome; its keccak256 is `evidenceDigest`' }),
  query: hexSchema,
  seqNr: unsignedSchema,
  epoch: z.int(),
  leader: z.int(),
  pin: pinSchema,
  rule: z.string().meta({ description: 'How the results became one' }),
  reason: z.string().nullable().meta({ description: 'Why there is no answer' }),
  results: z.array(resultSchema),
})
const elsewhere = 'Null when this node did not take part in that round: ask another one'
const calldata = 'From the calldata of its transmission'

const verdictSchema = z.object({
  report: reportSchema.nullable().meta({ description: calldata }),
  evidence: roundSchema
    .extend({
      committee: z
        .array(z.int())
        .meta({ description: 'Oracle indices, in the order in which they were drawn' }),
    })
    .nullable()
    .meta({ description: elsewhere }),
})

/** Everything about one request: enough to check its answer, and a verdict on it, without trusting this node. */
export const requestEvidenceSchema = requestSchema.extend({
  answer: answerSchema.nullable(),
  dispute: disputeSchema
    .extend({ verdict: verdictSchema.nullable().meta({ description: 'Null while there is none' }) })
    .nullable(),
  report: reportSchema.nullable().meta({ description: calldata }),
  evidence: roundSchema.nullable().meta({ description: elsewhere }),
})

export function requestView(row: Row<'inferenceRequest'>, oracle: string): z.infer<typeof requestSchema> {
  return {
    id: row.requestId.toString(),
    oracle,
    chainId: row.chainId,
    contract: row.oracle,
    status: row.status as z.infer<typeof requestSchema>['status'],
    requester: row.requester,
    modelDigest: row.modelDigest,
    modelId: row.modelId.toString(),
    version: row.version,
    input: row.input,
    inputHash: row.inputHash,
    minAgreeing: row.minAgreeing,
    callbackGasLimit: row.callbackGasLimit,
    finalOnly: row.finalOnly,
    delivered: row.delivered,
    deadline: row.deadline.toString(),
    price: row.price.toString(),
    maxFee: row.maxFee.toString(),
    transactionHash: row.transactionHash,
    blockNumber: row.blockNumber.toString(),
    timestamp: row.timestamp.toString(),
  }
}

export function answerView(row: Row<'inferenceAnswer'>): z.infer<typeof answerSchema> {
  return {
    outcome: outcomeNames[row.outcome] ?? 'deferred',
    values: row.values as string[],
    agreeing: row.agreeing,
    observers: row.observers,
    spread: row.spread.toString(),
    evidenceDigest: row.evidenceDigest,
    observedAt: row.observationsTimestamp.toString(),
    finalAt: row.finalAt.toString(),
    callback: row.callback as z.infer<typeof answerSchema>['callback'],
    gasUsed: row.gasUsed.toString(),
    gasFee: row.gasFee.toString(),
    transmitter: row.transmitter,
    transactionHash: row.transactionHash,
    blockNumber: row.blockNumber.toString(),
  }
}

export function disputeView(row: Row<'inferenceDispute'>): z.infer<typeof disputeSchema> {
  return {
    status: row.status as z.infer<typeof disputeSchema>['status'],
    challenger: row.challenger,
    bond: row.bond.toString(),
    anchorBlock: row.anchorBlock.toString(),
    committeeSize: row.committeeSize,
    deadline: row.deadline.toString(),
    votes: row.votes,
    distance: row.distance.toString(),
    values: row.values as string[],
    evidenceDigest: row.evidenceDigest,
    transactionHash: row.transactionHash,
    verdictTransaction: row.verdictTransaction === zeroHash ? null : row.verdictTransaction,
  }
}
