import { zeroHash } from 'viem'
import type { Hex } from '../../node/ports/chain.ts'
import type { IndexReader } from '../../node/ports/index-reader.ts'
import type { Inference } from '../../node/ports/inference.ts'
import type { FeedConfig, OracleConfig } from './config.ts'
import type { FeedRules } from './contract-config.ts'
import { OracleError } from './errors.ts'

/**
 * Decides whether this node may speak for the model that a feed's contract names: its own manifest has that digest,
 * the runtime passed the goldens, the registry (where one is configured) holds it as active, and vectors become one as
 * its manifest says.
 * @throws OracleError `ORACLE_MODEL_MISMATCH`, `ORACLE_MODEL_INACTIVE`
 */
export function modelGate(
  feed: FeedConfig,
  registry: OracleConfig['registry'],
  modules: { index: IndexReader; inference: Inference },
): (modelDigest: Hex, agreement: FeedRules['agreement']) => Promise<void> {
  return async (modelDigest, agreement) => {
    if (feed.source.kind !== 'model') {
      if (modelDigest !== zeroHash)
        throw new OracleError(
          'ORACLE_MODEL_MISMATCH',
          `the contract of feed "${feed.id}" asks for model ${modelDigest}, but this node computes it without one: set its source to that model`,
          { feed: feed.id },
        )
      return
    }
    const { model: id } = feed.source
    const versions = modules.inference.models().filter((candidate) => candidate.id === id)
    const model = versions.find(({ digest }) => digest === modelDigest) ?? versions.at(-1)
    if (model === undefined)
      throw new OracleError('ORACLE_MODEL_MISMATCH', `no model "${id}" in this node's manifest: add it`, {
        model: id,
      })
    if (!model.status.ok)
      throw new OracleError('ORACLE_MODEL_MISMATCH', `model "${id}" is refused: ${model.status.reason}`, {
        model: id,
      })
    if (model.digest !== modelDigest)
      throw new OracleError(
        'ORACLE_MODEL_MISMATCH',
        `feed "${feed.id}" is bound to model ${modelDigest}, this node has ${model.digest}: install that version`,
        { model: id },
      )
    if (feed.contract.kind === 'vector' && model.agreement.rule !== agreement)
      throw new OracleError(
        'ORACLE_MODEL_MISMATCH',
        `the manifest of model "${id}" asks for agreement by ${model.agreement.rule}, the contract of feed "${feed.id}" for ${agreement}: its owner sets the configuration anew; a vector feed takes median or medoid`,
        { model: id, feed: feed.id },
      )
    if (registry === undefined) return
    const registered = await modules.index.select({
      table: 'modelVersion',
      where: [
        { column: 'chainId', op: '=', value: registry.chainId },
        { column: 'registry', op: '=', value: registry.address.toLowerCase() as Hex },
        { column: 'manifestDigest', op: '=', value: modelDigest },
        { column: 'active', op: '=', value: true },
      ],
      limit: 1,
    })
    if (registered.length === 0)
      throw new OracleError(
        'ORACLE_MODEL_INACTIVE',
        `model "${id}" (${modelDigest}) is not active in the registry: its owner must register or activate it`,
        { model: id },
        { retry: true },
      )
  }
}
