import { z } from 'zod'
import { addressSchema, bytes32Schema, hexSchema, unsignedSchema } from './http-schemas.ts'
import type { OffenceRecord } from './quorum.ts'

const toBytes = (hex: string) => Uint8Array.from(Buffer.from(hex.slice(2), 'hex'))
const toHex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}` as const

export const OFFENCE_FORMAT = 'iyi-quorum-offence'

/** An offence as JSON: bytes as 0x strings, large integers as decimal strings (format: docs/evidence.md). */
export const offenceSchema = z.strictObject({
  format: z.literal(OFFENCE_FORMAT),
  version: z.literal(1),
  id: bytes32Schema,
  dutyId: z.string().max(200),
  offence: z.enum(['equivocation', 'forged-proposal', 'bad-signature']),
  statement: z.enum(['observation', 'proposal', 'prepare', 'commit', 'epoch-start', 'report']),
  oracle: z.int().min(0).max(30).meta({ description: 'Oracle index of the culprit' }),
  epoch: z.int().min(0).meta({ description: '0 for reports' }),
  seqNr: unsignedSchema,
  statements: z
    .array(z.strictObject({ bytes: hexSchema, signature: hexSchema }))
    .min(1)
    .max(2),
  forged: z
    .strictObject({ inputs: hexSchema, signatures: hexSchema, oracle: z.int().min(0).max(30) })
    .nullable(),
  configDigest: bytes32Schema.meta({ description: 'Of the quorum' }),
  configuration: z
    .strictObject({
      contract: z.strictObject({ chainId: z.int().positive(), address: addressSchema }),
      configCount: unsignedSchema,
      signers: z.array(addressSchema).max(31),
      transmitters: z.array(addressSchema).max(31),
      f: z.int().min(0).max(10),
      onchainConfig: hexSchema,
      offchainConfigVersion: unsignedSchema,
      offchainConfig: hexSchema,
    })
    .meta({
      description: 'The `ConfigSet` that the statements are signed for: its keys are the validators’',
    }),
  recordedAt: z.number().meta({ description: "Unix milliseconds, the recording node's clock" }),
})
export type OffenceDocument = z.output<typeof offenceSchema>

export function offenceToJson(record: OffenceRecord): OffenceDocument {
  const { statements, forged, configuration, seqNr, ...rest } = record
  return {
    format: OFFENCE_FORMAT,
    version: 1,
    ...rest,
    seqNr: seqNr.toString(),
    statements: statements.map(({ bytes, signature }) => ({
      bytes: toHex(bytes),
      signature: toHex(signature),
    })),
    forged:
      forged === null
        ? null
        : { ...forged, inputs: toHex(forged.inputs), signatures: toHex(forged.signatures) },
    configuration: {
      ...configuration,
      contract: { ...configuration.contract },
      signers: [...configuration.signers],
      transmitters: [...configuration.transmitters],
      configCount: configuration.configCount.toString(),
      offchainConfigVersion: configuration.offchainConfigVersion.toString(),
    },
  }
}

/** Inverse of `offenceToJson`. Throws zod's error for anything else. */
export function offenceFromJson(json: unknown): OffenceRecord {
  const { format: _format, version: _version, ...document } = offenceSchema.parse(json)
  const { configuration, forged } = document
  return {
    ...document,
    seqNr: BigInt(document.seqNr),
    statements: document.statements.map(({ bytes, signature }) => ({
      bytes: toBytes(bytes),
      signature: toBytes(signature),
    })),
    forged:
      forged === null
        ? null
        : { ...forged, inputs: toBytes(forged.inputs), signatures: toBytes(forged.signatures) },
    configuration: {
      ...configuration,
      configCount: BigInt(configuration.configCount),
      offchainConfigVersion: BigInt(configuration.offchainConfigVersion),
    },
  }
}
