import { z } from 'zod'
import { FEATURES } from '../../../node/features/transfer-features.ts'
import { ProblemError } from '../../../node/ports/http.ts'
import { addressSchema, bytes32Schema, unsignedSchema } from '../../../node/ports/http-schemas.ts'
import type { FeaturedTransfer } from '../api.ts'
import { FeatureStoreError, type FeatureStoreErrorCode } from '../errors.ts'

/** A number of a path or a query. */
export const numberSchema = (most: number) =>
  unsignedSchema.refine((text) => Number(text) <= most, `must be at most ${most}`).transform(Number)

export const MOST = Number.MAX_SAFE_INTEGER

export const tokenParams = z.object({ chainId: numberSchema(MOST), token: addressSchema })

/** `values` by name: each exactly the float32 that a model is given. */
export const featuresSchema = z.object({
  set: z.literal('transfer'),
  version: z.int().meta({ description: 'Of the features: what the manifests of models bind' }),
  values: z.object(Object.fromEntries(FEATURES.map((name) => [name, z.number()]))).meta({
    description: 'Each is exactly a float32; node/features says what it means',
  }),
})

export const transferSchema = z.object({
  chainId: z.int(),
  token: addressSchema,
  blockNumber: unsignedSchema,
  blockHash: bytes32Schema,
  transactionHash: bytes32Schema,
  logIndex: z.int(),
  timestamp: z
    .int()
    .meta({ description: 'Unix seconds of its block: the moment that the features hold for' }),
  from: addressSchema,
  to: addressSchema,
  value: unsignedSchema.meta({ description: 'Base units of the token' }),
  features: featuresSchema,
  score: z
    .object({ value: z.number(), model: z.string(), digest: bytes32Schema })
    .nullable()
    .meta({ description: 'What the model of that digest said; null where none did, or not yet' }),
})

export function featuresView(features: Float32Array, version: number): z.output<typeof featuresSchema> {
  const values = Object.fromEntries(FEATURES.map((name, i) => [name, features[i] ?? 0]))
  return { set: 'transfer', version, values }
}

export function transferView(transfer: FeaturedTransfer): z.output<typeof transferSchema> {
  const { version, features, blockNumber, value, ...rest } = transfer
  return {
    ...rest,
    blockNumber: blockNumber.toString(),
    value: value.toString(),
    features: featuresView(features, version),
  }
}

const problems: {
  readonly [C in FeatureStoreErrorCode]?: { readonly status: number; readonly title: string }
} = {
  FEATURES_UNKNOWN_TOKEN: { status: 404, title: 'Unknown token' },
  FEATURES_UNKNOWN_TRANSFER: { status: 404, title: 'Unknown transfer' },
  FEATURES_UNKNOWN_BLOCK: { status: 404, title: 'Unknown block' },
  FEATURES_TOO_OLD: { status: 410, title: 'Too old' },
  FEATURES_NOT_YET: { status: 409, title: 'Not yet' },
  FEATURES_BAD_MOMENT: { status: 400, title: 'Bad moment' },
}

/** What the store rejects with, as HTTP says it. */
export async function asProblem<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const problem = error instanceof FeatureStoreError ? problems[error.code] : undefined
    if (problem === undefined || !(error instanceof FeatureStoreError)) throw error
    throw new ProblemError({ ...problem, code: error.code, detail: error.message })
  }
}
