import { copyFile, mkdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ManifestModel, parseManifest } from '../../inference/manifest.ts'
import { readVerified } from '../../inference/verified-file.ts'
import { ModelError } from './errors.ts'

/** The file of a model's folder that is its entry in a manifest. */
export const ENTRY_FILE = 'model.json'

export interface Staged {
  readonly entry: ManifestModel
  /** The entry as it is written, of which the digest is. */
  readonly written: unknown
}

/**
 * Copies a model's files, checked against their hashes, into `<root>/<digest>`, where a node looks for them. Rejects with
 * `ModelError` `MODEL_BAD_FOLDER`.
 */
export async function stageModel(folder: string, root: string): Promise<Staged> {
  const staged = await readEntry(folder)
  await stageFiles(folder, staged, root)
  await copyFile(join(folder, ENTRY_FILE), join(root, staged.entry.digest, ENTRY_FILE))
  return staged
}

/** The same of a model whose entry is known: its files lie in `folder`. */
export async function stageFiles(folder: string, { entry }: Staged, root: string): Promise<void> {
  const target = join(root, entry.digest)
  await mkdir(target, { recursive: true })
  const source = await realpath(folder)
  for (const { file, sha256 } of [entry, entry.goldens]) {
    const bytes = await readVerified(source, file, sha256).catch((cause: unknown) => {
      throw bad(folder, cause)
    })
    await mkdir(dirname(join(target, file)), { recursive: true })
    await writeFile(join(target, file), bytes)
  }
}

/** Reads and checks `model.json` of a folder. Rejects with `ModelError` `MODEL_BAD_FOLDER`. */
export async function readEntry(folder: string): Promise<Staged> {
  try {
    const written: unknown = JSON.parse(await readFile(join(folder, ENTRY_FILE), 'utf8'))
    const [entry] = parseManifest(JSON.stringify({ models: [written] }))
    if (entry === undefined) throw new TypeError('it is empty')
    return { entry, written }
  } catch (cause) {
    throw bad(folder, cause)
  }
}

const bad = (folder: string, cause: unknown) =>
  new ModelError(
    'MODEL_BAD_FOLDER',
    `${folder} holds no model that can be used: ${cause instanceof Error ? cause.message : String(cause)}. Make it with "iyi model pack".`,
    cause,
  )
