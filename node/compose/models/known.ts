import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { NodeConfig } from '../../config/schema.ts'
import { type ManifestModel, parseManifest, readManifest } from '../../inference/manifest.ts'
import { readVersionStates } from '../../inference/versions/version-states.ts'
import { ownManifestPath, versionsFolder } from '../inference.ts'
import { manifestPath } from '../manifest-path.ts'
import { ModelError } from './errors.ts'
import { standingOf } from './standing.ts'

/** A model that the node has. */
export interface Known {
  readonly entry: ManifestModel
  /** As the manifest has it, of which the digest is. */
  readonly written: unknown
  /** Folder that its files lie in. */
  readonly root: string
  readonly source: 'node' | 'added'
}

/**
 * The one that an id means, which is the newest that is neither tried nor set aside, where there is one; or the one of a digest.
 * Rejects with `ModelError` `MODEL_UNKNOWN`.
 */
export async function findModel(config: NodeConfig, model: string): Promise<Known> {
  const all = await readAll(config)
  const standing = standingOf(config, await readVersionStates(versionsFolder(config)))
  const atWork = all.filter(({ entry }) => entry.id === model && standing(entry.digest, entry.id) === null)
  return find(atWork.length > 0 ? atWork : all, model, 'is known to this node')
}

/** Every model of the configured manifest and of the operator. Rejects with `INFERENCE_BAD_MANIFEST`. */
export async function readAll(config: NodeConfig): Promise<readonly Known[]> {
  const path = manifestPath(config)
  const text = await readFile(path, 'utf8').catch(() => null)
  // What can't be read, that says why.
  if (text === null) readManifest(path)
  const node = knownIn(text ?? '', 'node', () => dirname(path))
  return [...node, ...(await readOwn(ownManifestPath(config)))]
}

/** Those that the operator added. Rejects with `INFERENCE_BAD_MANIFEST`. */
export async function readOwn(path: string): Promise<readonly Known[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"models":[]}'
    throw error
  })
  return knownIn(text, 'added', ({ digest }) => join(dirname(path), digest))
}

function knownIn(
  text: string,
  source: Known['source'],
  rootOf: (entry: ManifestModel) => string,
): readonly Known[] {
  const entries = parseManifest(text)
  const { models } = JSON.parse(text) as { models: readonly unknown[] }
  return entries.map((entry, i) => ({ entry, written: models[i], root: rootOf(entry), source }))
}

/** As `findModel`, among these. */
export function find(models: readonly Known[], model: string, what: string): Known {
  const found = models.findLast(({ entry }) => entry.id === model || entry.digest === model)
  if (found !== undefined) return found
  throw new ModelError(
    'MODEL_UNKNOWN',
    `No model ${JSON.stringify(model)} ${what}. "iyi model list" prints ids and digests.`,
  )
}
