import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Hex } from '../../ports/chain.ts'
import { canonicalDigest } from './canonical-json.ts'
import { InferenceError } from './inference-error.ts'

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
const pathSchema = z.string().min(1).max(255)

const portSchema = z.strictObject({
  name: z.string().min(1).max(128),
  /** The port knows no other type of tensor. */
  type: z.literal('float32'),
  /** null: any size. */
  shape: z.array(z.int().positive().nullable()).max(8),
})

const modelSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and dashes'),
    version: z.string().min(1).max(32),
    file: pathSchema,
    sha256: sha256Schema,
    opset: z.int().positive(),
    inputs: z.array(portSchema).min(1).max(32),
    outputs: z.array(portSchema).min(1).max(32),
    /** Steps that the caller does; bound by the digest, not run here. */
    preprocessing: z.array(z.looseObject({ op: z.string().min(1) })),
    quantization: z.strictObject({ output: z.string(), decimals: z.int().min(0).max(18) }),
    tolerance: z.strictObject({
      absolute: z.string().regex(/^(0|[1-9][0-9]{0,38})$/, 'must be a decimal string'),
      relativePpm: z.int().min(0).max(1_000_000),
    }),
    goldens: z.strictObject({ file: pathSchema, sha256: sha256Schema }),
  })
  .refine((model) => model.outputs.some((output) => output.name === model.quantization.output), {
    path: ['quantization', 'output'],
    message: 'must name one of the outputs',
  })
  .refine((model) => unique(model.inputs) && unique(model.outputs), {
    message: 'inputs and outputs must have different names',
  })

const manifestSchema = z
  .strictObject({ models: z.array(modelSchema).max(256) })
  .refine((manifest) => new Set(manifest.models.map((model) => model.id)).size === manifest.models.length, {
    path: ['models'],
    message: 'two models have the same id',
  })

type Entry = z.infer<typeof modelSchema>

/** One model of the manifest. `digest`: keccak256 of its canonical JSON, as `ModelInfo` has it. */
export type ManifestModel = Entry & { readonly digest: Hex }

/** Reads and checks the manifest. Throws `INFERENCE_BAD_MANIFEST`, naming every fault. */
export function readManifest(path: string): readonly ManifestModel[] {
  let raw: unknown
  try {
    raw = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw bad(`it can not be read as JSON (${cause instanceof Error ? cause.message : String(cause)})`, cause)
  }
  const parsed = manifestSchema.safeParse(raw)
  if (!parsed.success)
    throw bad(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '))
  // The digest is of the entry as written, so that it binds exactly what the file says.
  const written = (raw as { models: readonly unknown[] }).models
  return parsed.data.models.map((model, i) => ({ ...model, digest: canonicalDigest(written[i]) }))
}

function bad(why: string, cause?: unknown): InferenceError {
  return new InferenceError(
    'INFERENCE_BAD_MANIFEST',
    '',
    `The model manifest is not usable: ${why}. Correct it, or restore the one that came with the models.`,
    cause,
  )
}

function unique(ports: readonly { name: string }[]): boolean {
  return new Set(ports.map((port) => port.name)).size === ports.length
}
