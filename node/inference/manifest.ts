import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { agreementRule } from '../ports/agreement-rule.ts'
import type { Hex } from '../ports/chain.ts'
import { InferenceError } from '../ports/inference-error.ts'
import type { TensorType } from '../ports/tensor.ts'
import { canonicalDigest } from './canonical-json.ts'
import { referenceFaults, referenceSchema } from './drift/reference.ts'
import { operationSchema } from './operations.ts'
import { rawPorts } from './pipeline.ts'

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
const pathSchema = z.string().min(1).max(255)
const types = [
  'float32',
  'float64',
  'float16',
  'int64',
  'int32',
  'uint8',
  'bool',
  'string',
] as const satisfies readonly TensorType[]

const portSchema = z.strictObject({
  name: z.string().min(1).max(128),
  type: z.enum(types),
  /** null: any size. */
  shape: z.array(z.int().positive().nullable()).max(8),
})

/** One entry of a manifest. */
export const modelSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and dashes'),
    version: z.string().min(1).max(32),
    file: pathSchema,
    sha256: sha256Schema,
    opset: z.int().positive(),
    inputs: z.array(portSchema).min(1).max(32),
    outputs: z.array(portSchema).min(1).max(32),
    /** The first size of every input and output counts rows that do not depend on each other. */
    batched: z.boolean().default(false),
    /** Which features, in which version, its input is: `node/features` makes them from what is indexed. */
    features: z.strictObject({ set: z.string().min(1).max(64), version: z.int().positive() }).optional(),
    /** From what a caller has to what the network takes. */
    preprocessing: z.array(operationSchema).max(32),
    /** From what the network gives to what is answered. */
    postprocessing: z.array(operationSchema).max(32).default([]),
    quantization: z.strictObject({ output: z.string(), decimals: z.int().min(0).max(18) }),
    tolerance: z.strictObject({
      absolute: z.string().regex(/^(0|[1-9][0-9]{0,38})$/, 'must be a decimal string'),
      relativePpm: z.int().min(0).max(1_000_000),
    }),
    /** How observations of the quantised output become one; the median within `tolerance` when absent. */
    agreement: agreementRule.optional(),
    /** Contracts may ask it: their input is `int256[]`, of so many decimals. Not asked by contracts when absent. */
    request: z.strictObject({ decimals: z.int().min(0).max(18) }).optional(),
    goldens: z.strictObject({ file: pathSchema, sha256: sha256Schema }),
    /** What inputs and outputs are held against while it runs; nothing is when absent. */
    reference: referenceSchema.optional(),
  })
  .refine((model) => model.outputs.some(({ name }) => name === model.quantization.output), {
    path: ['quantization', 'output'],
    message: 'must name one of the outputs',
  })
  .refine(
    (model) =>
      !model.outputs.some(({ name, type }) => name === model.quantization.output && type === 'string'),
    { path: ['quantization', 'output'], message: 'must name an output of numbers' },
  )
  .refine(
    (model) =>
      model.agreement === undefined ||
      !('tolerances' in model.agreement) ||
      model.agreement.tolerances.length === 1,
    {
      path: ['agreement', 'tolerances'],
      message: 'must be one, for the quantised output',
    },
  )
  .refine((model) => model.request === undefined || model.inputs.every(({ type }) => type !== 'string'), {
    path: ['request'],
    message: 'asks for inputs of numbers: a contract has no text to give',
  })
  .refine((model) => unique(model.inputs) && unique(model.outputs), {
    message: 'inputs and outputs must have different names',
  })
  .refine(
    (model) => !model.batched || [...model.inputs, ...model.outputs].every(({ shape }) => shape[0] === null),
    {
      path: ['batched'],
      message: 'asks for a first size of null of every input and output',
    },
  )
  .superRefine((model, ctx) => {
    for (const [steps, ports] of [
      ['preprocessing', model.inputs],
      ['postprocessing', model.outputs],
    ] as const) {
      for (const [i, { tensor }] of model[steps].entries()) {
        const port = ports.find(({ name }) => name === tensor)
        if (port === undefined || port.type === 'string')
          ctx.addIssue({
            code: 'custom',
            path: [steps, i, 'tensor'],
            message: `${tensor} is no tensor of numbers here`,
          })
      }
    }
    if (model.reference !== undefined)
      for (const { path, message } of referenceFaults(model.reference, model))
        ctx.addIssue({ code: 'custom', path: [...path], message })
    try {
      rawPorts(model.preprocessing, model.inputs)
    } catch (error) {
      ctx.addIssue({
        code: 'custom',
        path: ['preprocessing'],
        message: error instanceof Error ? error.message : String(error),
      })
    }
  })

const manifestSchema = z
  .strictObject({ models: z.array(modelSchema).max(256) })
  .refine(
    ({ models }) => new Set(models.map(({ id, version }) => `${id} ${version}`)).size === models.length,
    {
      path: ['models'],
      message: 'two models have the same id and version',
    },
  )

type Entry = z.infer<typeof modelSchema>

/** One model of the manifest. `digest`: keccak256 of its canonical JSON, as `ModelInfo` has it. */
export type ManifestModel = Entry & { readonly digest: Hex }

/** Reads and checks the manifest. Throws `INFERENCE_BAD_MANIFEST`, naming every fault. */
export function readManifest(path: string): readonly ManifestModel[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw bad(`it can not be read (${cause instanceof Error ? cause.message : String(cause)})`, cause)
  }
  return parseManifest(text)
}

/** As `readManifest`, of the file's text. */
export function parseManifest(text: string): readonly ManifestModel[] {
  let raw: unknown
  try {
    raw = JSON.parse(text)
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
