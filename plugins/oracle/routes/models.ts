import { z } from 'zod'
import type { Hex } from '../../../node/ports/chain.ts'
import { ProblemError, type Routes } from '../../../node/ports/http.ts'
import {
  bytes32Schema,
  cursorSchema,
  decimalSchema,
  decodeCursor,
  encodeCursor,
  freshnessToMeta,
  itemSchema,
  limitSchema,
  listSchema,
  unsignedSchema,
} from '../../../node/ports/http-schemas.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { Inference, ModelDrift, ModelInfo } from '../../../node/ports/inference.ts'
import type { OracleConfig } from '../config.ts'
import { ruleOf } from '../requests/pick-requests.ts'
import { driftSchema, driftView } from './drift.ts'

const tensorSchema = z.object({ name: z.string(), type: z.string(), shape: z.array(z.int().nullable()) })

const modelSchema = z.object({
  id: z.string(),
  version: z.string(),
  digest: bytes32Schema.meta({
    description: 'keccak256 of the canonical manifest entry: what is bound on-chain',
  }),
  sha256: z.string().meta({ description: 'SHA-256 of the ONNX file' }),
  inputs: z.array(tensorSchema),
  rawInputs: z
    .array(tensorSchema)
    .meta({ description: 'What its preprocessing takes, and so what a request of a contract gives' }),
  outputs: z.array(tensorSchema),
  quantization: z.object({ output: z.string(), decimals: z.int() }),
  tolerance: z.object({ absolute: decimalSchema, relativePpm: z.int() }),
  batched: z.boolean().meta({ description: 'The first size counts rows that do not depend on each other' }),
  agreement: z.string().meta({ description: 'How the results of the validators become one, as JSON' }),
  request: z
    .object({ decimals: z.int() })
    .nullable()
    .meta({ description: 'Decimals of the numbers with which contracts ask it; null where they can not' }),
  drift: driftSchema,
  provider: z.string().meta({ description: 'Execution provider that really runs it at this node' }),
  status: z.enum(['ok', 'refused']),
  reason: z.string().nullable().meta({ description: 'Why the node refuses to run it' }),
  registered: z
    .object({
      chainId: z.int(),
      modelId: unsignedSchema,
      version: z.int(),
      uri: z.string(),
      active: z.boolean(),
    })
    .nullable()
    .meta({ description: 'Its entry in the on-chain registry; null when there is none' }),
})

const listQuery = z.object({ limit: limitSchema, cursor: cursorSchema.optional() })

/** `GET /v1/models` and `/v1/models/{model}`: the node's models, each beside what the registry says of its digest. */
export function addModelRoutes(
  routes: Routes,
  modules: { registry: OracleConfig['registry']; index: IndexReader; inference: Inference },
): void {
  const { registry, index, inference } = modules

  async function versionOf(digest: Hex): Promise<Row<'modelVersion'> | null> {
    if (registry === undefined) return null
    const [version] = await index.select({
      table: 'modelVersion',
      where: [
        { column: 'chainId', op: '=', value: registry.chainId },
        { column: 'registry', op: '=', value: registry.address.toLowerCase() as Hex },
        { column: 'manifestDigest', op: '=', value: digest },
      ],
      limit: 1,
    })
    return version ?? null
  }

  async function view(model: ModelInfo, drifts: readonly ModelDrift[]): Promise<z.infer<typeof modelSchema>> {
    const version = await versionOf(model.digest)
    return {
      id: model.id,
      version: model.version,
      digest: model.digest,
      sha256: model.sha256,
      inputs: model.inputs.map((tensor) => ({ ...tensor, shape: [...tensor.shape] })),
      rawInputs: model.rawInputs.map((tensor) => ({ ...tensor, shape: [...tensor.shape] })),
      outputs: model.outputs.map((tensor) => ({ ...tensor, shape: [...tensor.shape] })),
      quantization: model.quantization,
      tolerance: { absolute: model.tolerance.absolute.toString(), relativePpm: model.tolerance.relativePpm },
      batched: model.batched,
      agreement: ruleOf(model),
      request: model.request,
      drift: driftView(drifts.find(({ digest }) => digest === model.digest)),
      provider: model.provider,
      status: model.status.ok ? 'ok' : 'refused',
      reason: model.status.ok ? null : model.status.reason,
      registered:
        version === null
          ? null
          : {
              chainId: version.chainId,
              modelId: version.modelId.toString(),
              version: version.version,
              uri: version.uri,
              active: version.active,
            },
    }
  }

  routes.add({
    method: 'get',
    path: '/v1/models',
    summary: 'The models that this node can run',
    query: listQuery,
    response: listSchema(modelSchema),
    handler: async ({ query }) => {
      const from = query.cursor === undefined ? 0 : decodeCursor(z.int().nonnegative(), query.cursor)
      const all = inference.models()
      const page = all.slice(from, from + query.limit)
      const next = from + page.length
      const drifts = inference.drift()
      return {
        data: await Promise.all(page.map((model) => view(model, drifts))),
        meta: freshnessToMeta(await index.freshness()),
        nextCursor: next < all.length ? encodeCursor(next) : null,
      }
    },
  })

  routes.add({
    method: 'get',
    path: '/v1/models/{model}',
    summary: 'One model: the newest version of an id, or that of a digest',
    params: z.object({ model: z.string().min(1).max(66).meta({ description: 'Id or digest' }) }),
    response: itemSchema(modelSchema),
    handler: async ({ params }) => {
      const wanted = params.model.toLowerCase()
      const model = inference.models().findLast(({ id, digest }) => id === wanted || digest === wanted)
      if (model === undefined)
        throw new ProblemError({
          status: 404,
          code: 'ORACLE_UNKNOWN_MODEL',
          title: 'Unknown model',
          detail: `No model "${params.model}" here; GET /v1/models has those that there are.`,
        })
      return { data: await view(model, inference.drift()), meta: freshnessToMeta(await index.freshness()) }
    },
  })
}
