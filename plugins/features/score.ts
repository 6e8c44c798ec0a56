import { FEATURES, FEATURES_VERSION } from '../../node/features/transfer-features.ts'
import type { Inference, ModelInfo } from '../../node/ports/inference.ts'
import type { Store } from '../../node/ports/store.ts'
import type { FeaturedTransfer } from './api.ts'
import { FeatureStoreError } from './errors.ts'
import { bytesOf, digitsOf, TRANSFER_COLUMNS, transferOf } from './rows.ts'

/** Transfers that are scored in one run. */
export const SCORED_AT_ONCE = 256

const pendingSql = `
  select ${TRANSFER_COLUMNS} from transfer t join token k on k.id = t.token_id
    where t.token_id = $1 and t.features is not null and t.digest is null and t.features_version = ${FEATURES_VERSION}
      and (t.block, t.log) <= (k.done_block, k.done_log)
    order by t.block, t.log limit ${SCORED_AT_ONCE}`

/** Only what still is what was scored. */
const saveSql = `
  update transfer t set score = made.score, model = $2, digest = $3
    from json_to_recordset($4::json) as made (block bigint, log integer, features text, score double precision)
    where t.token_id = $1 and t.block = made.block and t.log = made.log and t.features = decode(made.features, 'hex')
    returning t.block, t.log`

/**
 * Scores the next transfers of a token that have no score. Resolves with those that got one: fewer than `SCORED_AT_ONCE`
 * are all that there were. Rejects with `InferenceError`, and `FEATURES_WRONG_MODEL` where the model takes something else.
 */
export async function scorePage(
  { tokenId, model: name }: { readonly tokenId: number; readonly model: string },
  { store, inference }: { readonly store: Store; readonly inference: Inference },
): Promise<readonly FeaturedTransfer[]> {
  const rows = await store.query({ sql: pendingSql, params: [tokenId] })
  if (rows.length === 0) return []
  const transfers = rows.map(transferOf)
  const port = inputOf(inference.models(), name)
  const data = new Float32Array(transfers.length * FEATURES.length)
  transfers.forEach(({ features }, i) => {
    data.set(features, i * FEATURES.length)
  })
  const { quantized, digest } = await inference.run({
    model: name,
    inputs: { [port.input]: { type: 'float32', shape: [transfers.length, FEATURES.length], data } },
    raw: true,
    priority: 'api',
  })
  if (quantized.length !== transfers.length)
    throw wrong(name, `it answers ${quantized.length} numbers for ${transfers.length} transfers`)
  const scored = transfers.map((transfer, i) => ({
    ...transfer,
    score: { value: Number(quantized[i]) / 10 ** port.decimals, model: port.id, digest },
  }))
  const made = scored.map(({ blockNumber, logIndex, features, score }) => ({
    ...{ block: blockNumber.toString(), log: logIndex, features: digitsOf(features), score: score.value },
  }))
  const saved = await store.query({ sql: saveSql, params: [tokenId, port.id, bytesOf(digest), made] })
  const places = new Set(saved.map(({ block, log }) => `${block}:${log}`))
  return scored.filter(({ blockNumber, logIndex }) => places.has(`${blockNumber}:${logIndex}`))
}

/** The input of the model that is to score, if it is one of these features in this version. */
function inputOf(models: readonly ModelInfo[], name: string) {
  const model = models.findLast(({ id, digest }) => id === name || digest === name)
  // That there is none is for the port to say.
  if (model === undefined) return { input: 'features', id: name, decimals: 0 }
  const { features, rawInputs, batched, quantization } = model
  if (features?.set !== 'transfer' || features.version !== FEATURES_VERSION)
    throw wrong(
      name,
      `its manifest says ${features === null ? 'nothing of features' : `features "${features.set}" ${features.version}`}`,
    )
  const [input, ...others] = rawInputs
  if (input === undefined || others.length > 0 || !batched)
    throw wrong(name, 'it has several inputs, or its rows depend on each other')
  return { input: input.name, id: model.id, decimals: quantization.decimals }
}

const wrong = (model: string, why: string) =>
  new FeatureStoreError(
    'FEATURES_WRONG_MODEL',
    `Model "${model}" can not score transfers: it must take the features "transfer" ${FEATURES_VERSION}, a row each, and answer one number a row, but ${why}. Name another in score.model.`,
    { model },
  )
