import type { NodeConfig } from '../../config/schema.ts'
import type { VersionRecord } from '../../inference/versions/version-states.ts'
import type { Hex } from '../../ports/chain.ts'

/** Why an id does not mean a version; null when it may. */
export function standingOf(
  { inference }: Pick<NodeConfig, 'inference'>,
  decided: ReadonlyMap<Hex, VersionRecord>,
): (digest: Hex, id: string) => 'candidate' | 'set-aside' | null {
  return (digest, id) => {
    const state = decided.get(digest)?.state
    if (state === 'promoted') return null
    if (state === 'set-aside') return 'set-aside'
    return inference.candidates[id]?.digest === digest ? 'candidate' : null
  }
}
