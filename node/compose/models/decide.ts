import type { NodeConfig } from '../../config/schema.ts'
import {
  readVersionStates,
  removeVersionState,
  type VersionRecord,
  writeVersionState,
} from '../../inference/versions/version-states.ts'
import { versionsFolder } from '../inference.ts'
import { ModelError } from './errors.ts'
import { findModel, readAll } from './known.ts'
import { standingOf } from './standing.ts'

export type Decision = 'promote' | 'rollback' | 'retry'

/**
 * Decides of a version that is tried: it becomes what its id means, nobody's any more, or is tried once more. By digest,
 * or, of the configured candidate, by id. A node that runs follows within seconds. Rejects with `ModelError`.
 */
export async function decideVersion(
  config: NodeConfig,
  { model, decision }: { readonly model: string; readonly decision: Decision },
) {
  const folder = versionsFolder(config)
  const digest = config.inference.candidates[model]?.digest ?? model
  const { entry, source } = await findModel(config, digest)
  if (entry.digest !== digest)
    throw new ModelError(
      'MODEL_UNKNOWN',
      `Model ${model} has no candidate in inference.candidates: name the version by its digest ("iyi model list").`,
    )
  const { id, version } = entry
  const standing = standingOf(config, await readVersionStates(folder))
  const versions = (await readAll(config)).filter((each) => each.entry.id === id)
  if (decision === 'retry') {
    if (config.inference.candidates[id]?.digest !== digest)
      throw new ModelError(
        'MODEL_NO_CANDIDATE',
        `Version ${digest} is not tried: name it under inference.candidates, or promote it.`,
      )
    await removeVersionState(folder, entry.digest)
  } else if (decision === 'promote') {
    const newer = versions
      .slice(versions.findIndex((each) => each.entry.digest === digest) + 1)
      .find((each) => standing(each.entry.digest, id) === null)
    if (newer !== undefined)
      throw new ModelError(
        'MODEL_OLDER',
        `Version ${newer.entry.version} of ${id} was added after it and stays what the id means: remove that one, or roll it back first (${newer.entry.digest}).`,
      )
    await writeVersionState(folder, entry.digest, record('promoted'))
  } else {
    const other = versions.find(
      (each) => each.entry.digest !== digest && standing(each.entry.digest, id) === null,
    )
    if (other === undefined)
      throw new ModelError(
        'MODEL_LAST',
        `No other version of ${id} would be left to answer: add or promote one first.`,
      )
    await writeVersionState(folder, entry.digest, record('set-aside'))
  }
  return { id, version, digest: entry.digest, source }
}

function record(state: VersionRecord['state']): VersionRecord {
  return { state, by: 'operator', at: new Date().toISOString(), reason: 'the operator decided' }
}
