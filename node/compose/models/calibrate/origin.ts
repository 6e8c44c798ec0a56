import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { NodeConfig } from '../../../config/schema.ts'
import { ownManifestPath } from '../../inference.ts'
import { ModelError } from '../errors.ts'

/** Says of exported results which data folder they come from: random, so that it tells nothing else of the machine. */
export const ORIGIN = /^[0-9a-f]{32}$/

export const originPath = (config: Pick<NodeConfig, 'dataDir'>): string =>
  join(dirname(ownManifestPath(config)), 'origin')

/** Of this data folder; null where nothing was exported yet. */
export async function originOf(config: Pick<NodeConfig, 'dataDir'>): Promise<string | null> {
  const text = await readFile(originPath(config), 'utf8').catch(() => '')
  return ORIGIN.test(text.trim()) ? text.trim() : null
}

/** Of this data folder, written at its first export. Rejects with `ModelError` `MODEL_BAD_FILE`. */
export async function keptOrigin(config: Pick<NodeConfig, 'dataDir'>): Promise<string> {
  const known = await originOf(config)
  if (known !== null) return known
  const path = originPath(config)
  const origin = randomBytes(16).toString('hex')
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, `${origin}\n`)
  } catch (cause) {
    throw new ModelError(
      'MODEL_BAD_FILE',
      `${path} can not be written (${cause instanceof Error ? cause.message : String(cause)}): results are exported with it, so that they are not taken for another machine's. Give this user the right to write there.`,
      cause,
    )
  }
  return origin
}
