import { join } from 'node:path'
import type { NodeConfig } from '../../config/schema.ts'
import type { Offers } from '../../content/shelf.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Logger } from '../../ports/log.ts'
import { type Known, readAll } from './known.ts'

/** Manifests are read again after this at the earliest, however often peers ask. */
const FRESH_MS = 2_000

/** The models of this node for other validators: entries by their digest, files by their SHA-256. */
export function modelOffers(config: NodeConfig, { clock, log }: { clock: Clock; log: Logger }): Offers {
  let known: Promise<readonly Known[]> = Promise.resolve([])
  let readMs = Number.NEGATIVE_INFINITY
  const models = () => {
    if (clock.monotonic() - readMs < FRESH_MS) return known
    readMs = clock.monotonic()
    known = readAll(config).catch((error: unknown) => {
      log.debug({ err: error }, 'Offer no models: the manifest is not usable')
      return []
    })
    return known
  }
  return {
    async file(hash) {
      for (const { entry, root } of await models())
        for (const { file, sha256 } of [entry, entry.goldens]) if (sha256 === hash) return join(root, file)
      return null
    },
    async entry(digest) {
      const found = (await models()).find(({ entry }) => entry.digest === digest)
      return found === undefined ? null : Buffer.from(JSON.stringify(found.written))
    },
  }
}
