import { type ConfigFault, invalidConfig } from '../config/errors.ts'
import type { ConfigSource } from '../config/load.ts'
import type { NodeConfig } from '../config/schema.ts'
import { readVersionStates } from '../inference/versions/version-states.ts'
import { versionsFolder } from './inference.ts'
import { readAll } from './models/known.ts'
import { standingOf } from './models/standing.ts'

/**
 * Holds the candidates of a configuration against the models that the node has. One that it does not have yet is none of
 * this check's: it may be added while the node runs. Rejects with `ConfigError` `CONFIG_INVALID`, and `InferenceError`
 * for a manifest that can't be read.
 */
export async function checkCandidates(config: NodeConfig, source: ConfigSource): Promise<void> {
  const candidates = Object.entries(config.inference.candidates)
  if (candidates.length === 0) return
  const known = (await readAll(config)).map(({ entry }) => entry)
  const standing = standingOf(config, await readVersionStates(versionsFolder(config)))
  const faults = candidates.flatMap(([model, { digest }]): ConfigFault[] => {
    const found = known.find((each) => each.digest === digest)
    if (found === undefined) return []
    const fault = { path: `inference.candidates.${model}.digest`, from: 'file' }
    if (found.id !== model)
      return [
        {
          ...fault,
          message: `is version ${found.version} of ${found.id}, not of ${model}`,
          remedy: `take the digest of a version of ${model}, as "iyi model list" prints it, or name this one under ${found.id}`,
        },
      ]
    const isAlone = known.every((each) => each.id !== model || standing(each.digest, model) !== null)
    if (standing(found.digest, model) !== 'candidate' || !isAlone) return []
    return [
      {
        ...fault,
        message: `is the only version of ${model} that could be at work: nothing would answer for ${model}`,
        remedy: `add the new version with "iyi model add" and give its digest, or remove this candidate`,
      },
    ]
  })
  if (faults.length > 0) throw invalidConfig(source.path, faults)
}
