import { z } from 'zod'
import { addressSchema, bytes32Schema, hexSchema, unsignedSchema } from './http-schemas.ts'

/**
 * What was found when a chain's providers, or they and the index, contradicted each other: who said what of which
 * block, and what proves who is right. Decimal strings for numbers of a chain, so that it is JSON as it is.
 */

/** A field of JSON-RPC: data, or a quantity, which may have an odd number of digits. */
const fieldSchema = z.string().regex(/^0x[0-9a-fA-F]*$/, 'must be 0x and hex digits')

const logSchema = z.object({
  logIndex: z.int(),
  address: addressSchema,
  topics: z.array(bytes32Schema),
  data: hexSchema,
  transactionHash: bytes32Schema,
})

const statementSchema = z.object({
  provider: z.int().meta({ description: 'Its place in the configuration of the chain' }),
  host: z.string(),
  blockHash: bytes32Schema,
  parentHash: bytes32Schema,
  logCount: z.int(),
  logsDigest: bytes32Schema.meta({ description: 'Equal for providers that tell the same logs' }),
  logs: z.array(logSchema).meta({ description: 'Of the disputed block; the first 50' }),
  answer: hexSchema.nullable().meta({ description: 'What a call returned; null where none was made' }),
  verdict: z.enum(['right', 'wrong', 'unproven']),
})

const differenceSchema = z.object({
  id: z.string().meta({ description: '`<block hash>/<log index>`' }),
  chain: z.string().nullable().meta({ description: 'What the providers say; null for no such log' }),
  index: z.string().nullable().meta({ description: 'What the index holds; null for no such row' }),
})

const receiptSchema = z.object({
  transactionHash: bytes32Schema,
  transactionIndex: z.int(),
  fields: z.record(z.string(), fieldSchema),
  logs: z.array(z.object({ address: addressSchema, topics: z.array(bytes32Schema), data: hexSchema })),
})

export const evidenceSummarySchema = z.object({
  id: bytes32Schema,
  chainId: z.int(),
  kind: z.enum(['logs', 'header', 'receipts', 'fork', 'index', 'call']).meta({
    description:
      '`logs`, `header`, `receipts`: other content of one block. `call`: other answers of one contract at one block. `fork`: other blocks at one height. `index`: the providers agree, and the index holds something else',
  }),
  block: z.object({ number: unsignedSchema, hash: bytes32Schema.nullable() }),
  verdict: z
    .enum(['proven', 'unproven'])
    .meta({ description: '`proven`: header and receipts say who is wrong' }),
  wrong: z.array(z.int()).meta({ description: 'Providers that are proven wrong' }),
  statements: z.array(statementSchema),
  differences: z.array(differenceSchema).meta({ description: 'Of the index; the first 50' }),
  recordedAt: z.number().meta({ description: "Unix milliseconds, this node's clock" }),
})

export const evidenceSchema = evidenceSummarySchema.extend({
  header: z
    .record(z.string(), fieldSchema)
    .nullable()
    .meta({ description: 'Header whose keccak256 is the block hash; null when none was found' }),
  receipts: z.array(receiptSchema).nullable().meta({
    description: 'Receipts whose trie has the root in that header; null when there are none, or too many',
  }),
})

export type EvidenceSummary = z.output<typeof evidenceSummarySchema>
export type ChainEvidence = z.output<typeof evidenceSchema>
export type EvidenceKind = ChainEvidence['kind']
